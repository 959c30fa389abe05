# The end of a contender on CPython, behind a script with its PLAYS: a round for every line it gets, answered with a sample.
#
# Arguments: which play, nanoseconds in a round, and what the play needs.


def agree(got, wanted):
    if got != wanted:
        raise ValueError(f"it answered {got!r} where {wanted!r} is right")


def die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def repeated(batch, size):
    """Batches until the time has passed, at least one."""

    def play(length):
        operations, begin = 0, time.perf_counter_ns()
        while True:
            batch()
            operations += size
            elapsed = time.perf_counter_ns() - begin
            if elapsed >= length:
                return operations, elapsed

    return play


def serve(play, length):
    play(0)
    print("@ready", flush=True)
    for _ in sys.stdin:
        print("@sample", *play(length), flush=True)


def main():
    name, length, *needs = sys.argv[1], *map(int, sys.argv[2:])
    try:
        serve(PLAYS[name](*needs), length)
    except Exception as error:
        print("@failed", str(error).replace("\n", " "), flush=True)
        sys.exit(1)


main()
