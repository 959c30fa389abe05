//! Bugs that the model checker must find: each is code that was left out or put in the wrong order.
//!
//! In an ordinary build [`planted`] is a constant `false`, and nothing of them is compiled.

multiproc_sync::planted_bugs! {
    /// The role is taken though somebody has it.
    TakenTwice,
    /// A driver that is done keeps the role.
    RoleKept,
    /// A driver that is done gives the role up and tells nobody.
    GivenUpSilently,
    /// A sleeper that was called, and finds itself done, does not call the next.
    CallKept,
    /// A sleeper that was called, and finds its time over, does not call the next.
    DeadlineKeepsCall,
    /// A thread stays in the list of sleepers after it woke up.
    SleeperStays,
    /// The state's lock is open between a thread's last look and its sleep.
    SleepsUnlocked,
    /// The waiter is told by the number of tasks that were pending before this one ended.
    CountedLate,
    /// A task counts as done before its outcome can be taken.
    OutcomeLate,
    /// With no sleeper to call the attendant is not called either.
    NeverArmed,
    /// The role is armed, but events do not wake the attendant.
    ArmedInNameOnly,
    /// The attendant arms the role for itself, but events do not wake it.
    AttendantDeaf,
    /// The attendant gives the role up and tells nobody.
    AttendantSilent,
    /// The attendant is not told that it has to look in from now on.
    DisarmedSilently,
    /// The attendant does not look when it is time to, nothing having happened.
    WakeForgotten,
    /// The attendant is not told of such a time by a driver that leaves.
    WakeUntold,
    /// The attendant waits for such a time though somebody drives who does so too.
    WakeShared,
    /// The driver is not told of such a time that another thread has set.
    DriverUnroused,
    /// The attendant, armed and at rest, is not told of such a time that another thread has set.
    AttendantUnroused,
    /// The driver is not woken at the pool's end.
    EndWithoutKick,
    /// The attendant is not woken at the pool's end.
    EndWithoutRing,
}
