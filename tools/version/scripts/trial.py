# Runs on the board as /trial.py, at each start of the version in the folder WANTED, which came over
# the network, until it has served for a minute: then the firmware removes it.  After STARTS starts
# that did not, the version before runs again.  It runs once more if the program has ended.
WANTED = ""
STARTS = 3

import os
import time

import machine


def is_for_update():
    """Whether this start is for an update alone: its sender is there, and nothing has failed."""
    try:
        os.stat("/update.alone")
    except OSError:
        return False
    try:
        os.remove("/trial")
    except OSError:  # nothing was counted
        pass
    return True


def is_over():
    """Counts a start; whether there were enough of them."""
    try:
        starts = os.stat("/trial")[6]
    except OSError:
        starts = 0
    if starts >= STARTS:
        return True
    if machine.reset_cause() != machine.DEEPSLEEP_RESET:
        try:
            with open("/trial", "a") as file:
                file.write(".")
        except OSError:  # the flash is full: none can be counted
            return True
    return False


def has_previous():
    """An update that was cut may have removed it."""
    try:
        os.stat(PREVIOUS if PREVIOUS.endswith(".py") else PREVIOUS + "/manifest")
        return bool(PREVIOUS)
    except OSError:
        return False


def go_back():
    """The rename is the switch; what is left then this script removes at the next start."""
    with open(PREVIOUS if PREVIOUS.endswith(".py") else "/main.py") as file:
        text = file.read()
    if not PREVIOUS.endswith(".py"):
        text = text.replace('CURRENT = "%s"' % CURRENT, 'CURRENT = "%s"' % PREVIOUS, 1)
        text = text.replace('PREVIOUS = "%s"' % PREVIOUS, 'PREVIOUS = ""', 1)
    for _ in range(2):
        try:
            open(CURRENT + "/failed-to-start", "w").close()
            with open("/main.py.new", "w") as file:
                file.write(text)
            break
        except OSError:  # the flash is full: this makes room, and it is no version any more
            os.remove(CURRENT + "/manifest")
    os.rename("/main.py.new", "/main.py")
    text = "%s has not served for a minute in %d starts, %s runs again" % (
        CURRENT[1:],
        STARTS,
        PREVIOUS[1:],
    )
    print("W (%d) httpd32: update: %s" % (time.ticks_ms(), text))
    try:
        from firmware.last_words import end

        end(text, False)
    except Exception:
        pass  # it may be that which has failed
    machine.reset()


def restart():
    """The program has ended; Ctrl-C gets the prompt meanwhile."""
    print("main.py has ended while it is on trial: starting again in 2 s; Ctrl-C for the prompt")
    for _ in range(40):
        machine.idle()
        time.sleep_ms(50)
    machine.reset()


if HAS_ENDED:
    restart()
if CURRENT != WANTED:  # the trial is over: it is not the one
    os.remove("/trial.py")
    os.remove("/trial")
    raise OSError  # as one does when there is no such file
if not is_for_update() and has_previous() and is_over():
    go_back()
