//! Bugs that the model checker must find: each is code that was left out or put in the wrong order.
//!
//! In an ordinary build [`planted`] is a constant `false`, and nothing of them is compiled.

multiproc_sync::planted_bugs! {
    /// An item can be taken before it is written.
    FilledEarly,
    /// What was written to a slot is not seen by who takes it.
    FilledUnordered,
    /// A slot can be filled before what is in it was read.
    FreedUnordered,
    /// Who counts what is there sees that an item was taken, and not that it was put.
    TakenUnordered,
    /// The queue is said to have ended while an item is under way into it.
    EndsEarly,
    /// Who puts or takes does not look for sleepers in the order that makes one of both see the other.
    SleeperUnfenced,
    /// A sleeper says that it sleeps after its last look.
    AnnouncedLate,
    /// Nobody wakes one that waits for room.
    PutterForgotten,
    /// Nobody wakes one that waits for an item.
    GetterForgotten,
    /// One that was woken, and finds more than it takes, does not wake the next.
    NotPassedOn,
    /// One that gives up takes the wake-up of another along, and neither looks at what that was for nor passes it on.
    WakeTakenAlong,
    /// A wait does not end by time.
    DeadlineIgnored,
    /// The end is told to one of those who sleep.
    EndToldToOne,
    /// After the end an item that was still under way is told to one of those who sleep.
    LateItemToldToOne,
    /// An immediate end is not told to those who wait for the work to be done.
    JoinerForgotten,
    /// The last piece of work that is done is not told to those who wait for it.
    LastDoneSilently,
    /// Who waits for the work counts what was put before what is done.
    PutsCountedFirst,
    /// Who waits for the work takes what was discarded for done.
    EndSeenLate,
    /// Who finds all work done does not see what it did.
    DoneUnordered,
    /// More is done than was taken, and nobody is told.
    OverCallUnseen,
    /// What was discarded counts as taken, but not yet as done, and others look in between.
    DiscardTorn,
    /// Who comes into a scope does not look whether its token is cancelled already.
    CancelledScopeUnseen,
    /// Whose alarms are to be raised is noted, and they are raised later.
    AlarmsRaisedLate,
    /// Who makes a child looks whether the parent is cancelled before it adds the child.
    ParentSeenTooEarly,
    /// Who cancels what is cancelled already does not see to its children.
    ChildrenOfCancelledSkipped,
    /// Alarms are raised before the token says that it is cancelled.
    ToldTooLate,
    /// A timer looks whether it is cancelled before it says that it fires.
    FiresAfterALook,
    /// A thread counts itself as one to wait for, where its starter has to.
    EnteredLate,
    /// A thread is not waited for any more once its function has returned.
    LeftAtEnd,
    /// The last one to leave tells nobody.
    LeftInSilence,
    /// A thread that waits for all others waits for itself.
    WaitsForItself,
    /// Of two that wait for all others the second does not tell the first.
    ExcusedInSilence,
    /// A handle is looked at, and started later.
    LooksThenStarts,
}
