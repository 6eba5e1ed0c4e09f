"""Run a command as if it had been run directly: its exit code, signals, terminal and job control.

The command stays in our process group and keeps our standard streams, so that pipelines, redirections and the shell's
job control work as they do without us. This module waits, passes on signals that were sent to us alone, and stops when
the command is stopped from the keyboard.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

NOT_EXECUTABLE = 126
NOT_FOUND = 127

_FORWARDED = (
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGTERM",
    "SIGTSTP",
    "SIGCONT",
    "SIGUSR1",
    "SIGUSR2",
    "SIGWINCH",
)
_ENDING = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM")
_SI_KERNEL = 0x80  # siginfo.h: sent by the kernel, here the terminal driver, to the whole foreground group
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


@dataclass(frozen=True)
class Ended:
    """How the command ended. ``code`` is its exit code, or 128 + the number of the signal that killed it.

    ``interrupted`` is True when it died of a Ctrl-C from the terminal, so that the caller can die the same way and
    a shell script around both stops too. ``problem`` says why it could not be started, "" when it was. ``signum`` is
    the signal that killed it, 0 for none.
    """

    code: int
    interrupted: bool = False
    problem: str = ""
    signum: int = 0


class StoppedEarly(Exception):
    """A signal ended the run before the command was started."""

    def __init__(self, signum: int, interrupted: bool) -> None:
        super().__init__(signum)
        self.ended = Ended(128 + signum, interrupted, signum=signum)


class Passthrough:
    """Hold signals from the moment this is created, so that none is lost while the window is being opened.

    Make one, open the window, then :meth:`run`. Only the main thread may, and only one at a time.
    """

    def __init__(self) -> None:
        self._signals = {getattr(signal, name) for name in _FORWARDED}
        # If a parent left SIGCHLD ignored, the kernel reaps the command and its exit code is lost.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._mask_before = signal.pthread_sigmask(signal.SIG_BLOCK, self._signals | {signal.SIGCHLD})
        self._stop_asked = False
        self._interrupted = False

    def release(self) -> None:
        """Restore the signal mask; pending signals take effect now."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask_before)

    def run(self, command: Sequence[str], environ: Mapping[str, str]) -> Ended:
        """Start ``command`` (looked up on PATH), wait for it, and say how it ended.

        Raises:
            StoppedEarly: an ending signal came before the command could be started; it was not started.
        """
        self._check_not_ended_yet()
        adopt_orphans()
        try:
            pid = self._spawn(command, environ)
        except FileNotFoundError:
            return Ended(NOT_FOUND, problem=f"{command[0]}: command not found")
        except OSError as error:
            return Ended(NOT_EXECUTABLE, problem=f"{command[0]}: {error.strerror or error}")
        return self._wait(pid)

    def _check_not_ended_yet(self) -> None:
        pending = signal.sigpending()
        for name in _ENDING:
            signum = getattr(signal, name)
            if signum in pending and signal.getsignal(signum) is not signal.SIG_IGN:
                raise StoppedEarly(int(signum), signum == signal.SIGINT and self._from_terminal(signum))

    @staticmethod
    def _from_terminal(signum: int) -> bool:
        if not hasattr(signal, "sigtimedwait"):
            return False
        info = signal.sigtimedwait([signum], 0)
        return info is not None and info.si_code == _SI_KERNEL

    def _spawn(self, command: Sequence[str], environ: Mapping[str, str]) -> int:
        # Python ignores these two signals; the command must start with their default action.
        python_ignores = [getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ") if hasattr(signal, name)]

        def spawn(argv: Sequence[str]) -> int:
            return os.posix_spawnp(
                argv[0], list(argv), dict(environ), setsigmask=self._mask_before, setsigdef=python_ignores
            )

        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # None if the descriptor was closed at our start
                stream.flush()
        try:
            return spawn(command)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
        # A script without "#!": shells and env(1) hand it to sh, so we do.
        path = _which(command[0], environ)
        return spawn(["/bin/sh", path, *command[1:]])

    def _wait(self, pid: int) -> Ended:
        watched = self._signals | {signal.SIGCHLD}
        while True:
            signum, from_terminal, child = _next_signal(watched)
            if signum == signal.SIGCHLD or child:
                ended = self._reap(pid)
                if ended is not None:
                    return ended
            else:
                self._pass_on(pid, signum, from_terminal)

    def _pass_on(self, pid: int, signum: int, from_terminal: bool) -> None:
        if signum == signal.SIGTSTP:
            self._stop_asked = True
        elif signum == signal.SIGCONT:
            self._stop_asked = False
        elif signum == signal.SIGINT:
            self._interrupted = from_terminal
        if not from_terminal:  # the terminal has already signalled the command, which is in the same group
            _kill(pid, signum)

    def _reap(self, pid: int) -> Optional[Ended]:
        """Collect every child that ended or stopped: the command and orphans. One SIGCHLD may stand for several."""
        ended = None
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return ended if ended is not None else Ended(1, problem="the command's exit code was lost")
            if child == 0:
                return ended
            if child != pid:
                continue
            if os.WIFSTOPPED(status):
                self._follow_stop(pid, os.WSTOPSIG(status))
            elif os.WIFSIGNALED(status):
                signum = os.WTERMSIG(status)
                interrupted = self._interrupted and signum == signal.SIGINT
                ended = Ended(128 + signum, interrupted, signum=signum)
            else:
                ended = Ended(os.WEXITSTATUS(status))

    def _follow_stop(self, pid: int, signum: int) -> None:
        """Stop this process, too, when the terminal stopped the command, so that the shell shows its prompt again.

        Another process that stopped the command with SIGSTOP will continue it by its pid: then we keep waiting.
        """
        if signum not in (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU) and not self._stop_asked:
            return
        self._stop_asked = False
        os.kill(os.getpid(), signal.SIGSTOP)
        _kill(
            pid, signal.SIGCONT
        )  # A process has continued us. A shell signals the whole group, kill(1) only this process.


def adopt_orphans() -> bool:
    """Make orphaned descendants our children (Linux), so that a double fork does not leave the process tree."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def die_of(signum: int) -> None:
    """End this process by a signal, so that its parent sees the same cause as for the command."""
    signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signum])
    os.kill(os.getpid(), signum)


def _next_signal(watched: set[signal.Signals]) -> tuple[int, bool, bool]:
    """The next signal, whether the terminal sent it, and whether it reports a child."""
    if hasattr(signal, "sigwaitinfo"):
        info = signal.sigwaitinfo(watched)
        child = info.si_signo == signal.SIGCHLD
        return info.si_signo, not child and info.si_code == _SI_KERNEL, child
    # macOS cannot say which process sent a signal: assume the terminal for the keyboard's signals when we have one.
    signum = signal.sigwait(watched)
    keyboard = signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGWINCH)
    return signum, keyboard and sys.stdin is not None and sys.stdin.isatty(), signum == signal.SIGCHLD


def _kill(pid: int, signum: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it has just ended, or changed its user
        os.kill(pid, signum)


def _which(name: str, environ: Mapping[str, str]) -> str:
    return shutil.which(name, path=environ.get("PATH")) or name
