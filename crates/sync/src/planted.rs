//! Bugs that the model checker, and the kills at every instruction, must find.
//!
//! In an ordinary build [`planted`] is a constant `false`, and nothing of them is compiled.

crate::planted_bugs! {
    /// A released word forgets that somebody may sleep.
    WaitersForgotten,
    /// The word is set free first and the sleeper woken after, in two steps.
    ExchangeThenWake,
    /// The release orders nothing.
    RelaxedUnlock,
    /// The announcement is withdrawn before the word is set free.
    PendingClearedEarly,
    /// The lock is taken without an announcement.
    NeverAnnounced,
    /// The release counts on the announcement of the taking, whatever else was taken since.
    AnnouncedOnce,
    /// The owner's entry is cleared after the word was set free.
    OwnerClearedLate,
    /// The owner's entry is written by nobody.
    OwnerNeverStored,
    /// A dead owner's data pass on at the alarm, whatever its process does.
    AlarmTaken,
    /// A dead owner's data pass on where nothing tells whether its process lives.
    UnseenTaken,
    /// The owner's name is taken for the dead one's, though another has the lock by then.
    AlarmOutlived,
    /// What was found out about one owner is believed of the next.
    VerdictKept,
    /// A waiter that gives up does not pass on the wake-up that it got.
    WakeSwallowed,
    /// A waiter that has slept takes the lock as if nobody else slept.
    PrivateSleepForgotten,
    /// The bell looks for sleepers with no order after what it announces.
    BellUnfenced,
    /// The bell's number is read after the last look at the condition.
    TicketLate,
    /// Who waits for an event does not count what was cleared since.
    ClearedForgotten,
    /// Setting an event orders nothing.
    SetUnordered,
    /// An event that is set already is not set again, only looked at.
    SetOnlyLooks,
    /// An event is set first and the sleepers woken after, in two steps.
    SetThenWake,
    /// Setting an event, or opening a latch, wakes one sleeper of many.
    OneReleased,
    /// Counting a latch down orders nothing.
    CountUnordered,
    /// Who finds a latch open has no order after the counts.
    OpenUnordered,
    /// A latch counts by a load and a store: of two counts at once, one is lost.
    CountLost,
    /// A latch's count is held against what was left some time before.
    OverCountUnseen,
    /// A latch opens, and nobody who sleeps is told.
    OpenedInSilence,
    /// Who opens a latch leaves the order of the counts to the kernel, which promises none.
    OpenedUnfenced,
    /// Who finds a latch open does not look whether the one that opened it has woken the others.
    OpenerNotReplaced,
    /// A waiter sleeps past its deadline.
    DeadlineIgnored,
    /// The condition's sequence is read after the mutex was released.
    SequenceLate,
    /// A notification does not count those who wait awake.
    SpinnersIgnored,
    /// A waiter goes to sleep without another look at the sequence.
    SequenceUnseen,
    /// A notification that finds nobody asleep drops the sleepers' bit without a wake-up.
    SleepersBitStale,
    /// All are to be woken, and one is.
    AllWakesOne,
    /// A waiter that does not get its mutex back keeps the notification.
    NotificationSwallowed,
    /// A party at a barrier looks whether anybody waits, not what has become of its own round.
    RoundOvertaken,
    /// Nobody looks whether a party at a barrier, or a member of a group, is dead.
    DeadPartyUnseen,
    /// Whoever gets the turn to initialise does not look whether another was through meanwhile.
    CompletedMeanwhile,
    /// It is called done before the initialiser has run.
    DoneEarly,
    /// An initialiser that failed or panicked counts as one that was through.
    FailureCounts,
    /// An initialiser that died counts as one that was through.
    DeadInitialiserTrusted,
    /// Who comes to a barrier last does not look whether one of the others is dead.
    DeadLetThrough,
    /// A party at a barrier that leaves early keeps its place.
    PlaceKept,
    /// A barrier is reset, and nobody who sleeps is told.
    ResetInSilence,
    /// What others have left to do at a barrier is taken first and done after.
    CollectedFirst,
    /// Of those who leave a barrier without its mutex, all are forgotten where some were seen.
    LeaverForgotten,
    /// One who gives up breaks a round at a barrier that was complete without it.
    OthersBroken,
    /// One who tries a barrier lets itself through, whether it comes last or not.
    LastUnlooked,
    /// A party's time ends its wait at a barrier also when all have come, and the action runs.
    ActionTimed,
    /// A place in the table of named locks is claimed by a load and a store.
    PairStored,
    /// Who finds a place in the table of named locks claimed meanwhile does not look for whom.
    PairUnlooked,
    /// An entry that is not free is claimed all the same.
    EntryTakenTwice,
    /// An entry counts as used only for who has claimed it.
    UseUncounted,
    /// A thread that leaves does not say so.
    LeftUnmarked,
    /// Whether a thread has left is looked up after its process was seen to live.
    LeftReadLate,
    /// One that has left is told of without a question after its process, which may be on its way to its end.
    LeftWithoutCourse,
    /// A permit comes back by a load and a store: of two at once, one is lost.
    PermitLost,
    /// A permit is taken by a load and a store: two take the same one.
    PermitTakenTwice,
    /// Permits come back, and nobody who sleeps is told.
    SleeperNotWoken,
    /// Who takes the last permit without a wait takes the sleepers' bit along.
    SleepersTakenAlong,
    /// A sleeper that was woken does not look whether there is a permit for another one.
    PermitNotPassedOn,
    /// A sleeper that was woken takes its permit as if nobody else slept.
    OthersAsleepForgotten,
    /// The bound is held against what was free some time before the release.
    OverReleaseUnseen,
    /// Nobody looks whether who has a permit is dead.
    DeadHolderUnseen,
    /// What a dead process had is taken by a store: two that find it take it both.
    TakenOverUnseen,
    /// Who takes over from the dead does not take over the mark of those who sleep.
    MarkNotTakenOver,
    /// The mark is taken off also by one who has woken somebody, beside whom others may sleep.
    MarkTakenOff,
    /// A waiter marks one permit of several before it sleeps.
    OneClaimMarked,
    /// Who waits for a group looks whether anything is left, not whether nothing was since.
    EmptiedForgotten,
    /// What a dead process has left half done is done again, though half of it was.
    FinishedTwice,
    /// A piece of work is announced before it says whose it is.
    AnnouncedUnnamed,
    /// A dead one's piece is nobody's before it is its heir's.
    HeirNamedLate,
    /// Who waits for a group looks whether anybody is dead, not whether anybody was since.
    DeathForgotten,
    /// Who locks a group does not look whether members have left it without its mutex.
    LeaverUnseen,
    /// Whoever has a reentrant mutex is taken for the calling thread.
    OwnerUncompared,
    /// The release of a reentrant mutex leaves its owner's name there.
    OwnerNameKept,
    /// Any guard of a reentrant mutex releases it.
    InnerReleases,
    /// Who takes a reentrant mutex counts on from the depth that it finds.
    DepthInherited,
    /// A wait takes a reentrant mutex again as if it had been locked once.
    DepthDropped,
    /// A wait gives back one level of a reentrant mutex.
    OneLevelLetGo,
    /// A guard whose lock could not be had again releases it all the same.
    LostGuardReleases,
    /// A reader looks at the gate, or a writer at the slots, with no order after what it has done itself.
    GateUnfenced,
    /// A writer opens the gate with no order after what it has written.
    GateOpenedUnordered,
    /// Nobody opens the gate that a dead writer has left shut.
    DeadGateKept,
    /// A reader that leaves a slot for which somebody sleeps does not end its claim.
    ReaderSlotLost,
    /// A writer waits for a reader whose thread has left, as if it could come back.
    LeftReaderAwaited,
    /// A writer does not look whether it is its own thread that reads.
    OwnSlotUnseen,
    /// A writer shuts the gate once it has seen that nobody reads.
    WriterStarves,
    /// A writer goes before readers that were kept out.
    TurnIgnored,
    /// The turn of readers is over, and no writer is told.
    TurnEndsInSilence,
    /// A reader that gives up is waited for by writers still.
    TurnNotLeft,
    /// A thread that reads once more does not look whether it reads already.
    RecursionUnseen,
    /// A thread's further guards are not counted.
    RecursionUncounted,
    /// A writer that becomes a reader lets others in between.
    DowngradedWithAGap,
    /// Nobody sees that a thread changes its record.
    RecordTorn,
    /// Who gets the record of a thread that was killed in the middle of a change goes on from there.
    RecordLeftTorn,
    /// What was read of several records is believed, though some have changed meanwhile.
    SnapshotBelieved,
    /// Whether a thread's alarm is raised is looked at before it says where it is about to sleep.
    AlarmSeenTooEarly,
    /// A thread that was not yet asleep when its alarm was raised is not woken again.
    AlarmSoundedOnce,
    /// A masked wait ends by the thread's alarm all the same.
    AlarmUnmasked,
    /// Who is notified of a condition when its alarm is raised keeps the notification, and ends its wait.
    NotificationTakenForAlarm,
    /// A deadlock is told to the wait that has closed it, and to all others.
    AllAreTold,
}
