//! Bugs that the model checker, and the kills at every instruction, must find.
//!
//! In an ordinary build [`planted`] is a constant `false`, and nothing of them is compiled.

multiproc_sync::planted_bugs! {
    /// A journaled value is flipped before it is changed.
    FlippedEarly,
    /// An optional value is said to be there before it is.
    TagFirst,
    /// An optional value is overwritten while it is said to be there.
    TagKept,
    /// A segment gets its name before its process has listed it.
    NamedEarly,
    /// A name is taken from whatever file has it.
    UnlinkedByName,
    /// A file that somebody has moved aside is taken for one that has lost its name.
    ForgottenAside,
    /// A dead process's list goes before what it lists.
    ListFirst,
    /// Who makes the name of a dead process leaves that to another that sweeps it, which may stand still.
    LeftToSweeper,
    /// An array is in no mode for a moment while that changes.
    ModeClearedFirst,
    /// An array's mode is changed though others have it.
    ModeChangedUnasked,
    /// An array is joined though somebody has a part.
    JoinedUnasked,
    /// A part is taken back though somebody has it.
    PartTakenUnasked,
    /// A part that is taken back keeps its number, so that old messages bring it.
    PartNumberKept,
    /// A part is received by a look and a store, in two steps.
    PartReceivedByLook,
    /// A message that did not go gives its part back, whoever has received it.
    PartCalledBackUnasked,
    /// A part whose message did not go has the number again that it had before.
    PartCalledBackUnchanged,
    /// The sending of a part orders nothing.
    PartSentUnordered,
    /// The receiving of a part orders nothing.
    PartLandedUnordered,
    /// The giving up of a part orders nothing.
    PartGivenUpUnordered,
    /// Who panics with a part ends its lock, and that orders nothing.
    PartAbandonedUnordered,
    /// The lock by which a part is taken back orders nothing.
    PartTakenUnordered,
    /// The taking back of a part whose message has died orders nothing.
    PartLostUnordered,
    /// The end of a reading of a part orders nothing.
    PartReadUnordered,
    /// The coming back of a part orders nothing.
    PartBackUnordered,
    /// Who drops a part that has come back does not see its new number.
    PartDroppedUnordered,
    /// Whose message comes back does not see that the part's owner has panicked.
    PartTornUnordered,
    /// A block is claimed though another may have been quicker.
    ClaimedByStore,
    /// The release of a block orders nothing.
    ReleasedUnordered,
    /// A block that comes back from a message has the word again that it had before.
    RolledBackUnchanged,
    /// A block is received though another may have received it.
    LandedByStore,
    /// A block is closed though another may have claimed it.
    ClosedByStore,
    /// What a dead owner of an arena's lock has begun stays half done.
    NothingRecovered,
    /// Who sweeps asks after the sender of a message, not after the message.
    SenderAsked,
    /// Who sweeps does not ask whether a block's process has ended.
    EndUnproved,
    /// Who sweeps frees a block though another may have been quicker.
    SweptByStore,
}
