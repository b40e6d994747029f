//go:build loadable

// The host's signals. Go's runtime, which starts while the library is being loaded,
// takes the signals of processor faults, SIGPIPE and SIGURG. Faults that are not its own
// it gives to the handler that it found. The other two are given back here: a host that
// ends by SIGPIPE, as a program before `| head` does, must still end, and a handler for
// SIGURG must still be called.

#ifndef _WIN32
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "glue.h"

static struct sigaction hostPipe, hostUrgent, goUrgent;

// Constructors with a priority run before those without, of which Go's is one.
__attribute__((constructor(101))) static void remember(void) {
  sigaction(SIGPIPE, 0, &hostPipe);
  sigaction(SIGURG, 0, &hostUrgent);
}

static void run(struct sigaction *a, int n, siginfo_t *info, void *context) {
  if (a->sa_flags & SA_SIGINFO) a->sa_sigaction(n, info, context);
  else a->sa_handler(n);
}

// Go sends SIGURG to threads of its own process when it wants to stop them; everybody
// else's come from elsewhere or by kill.
static void urgent(int n, siginfo_t *info, void *context) {
#ifdef SI_TKILL
  int own = info->si_code == SI_TKILL && info->si_pid == getpid();
#else
  int own = info->si_pid == getpid();
#endif
  run(own ? &goUrgent : &hostUrgent, n, info, context);
}

static void giveBack(void) {
  struct sigaction now;
  sigaction(SIGPIPE, &hostPipe, 0);
  if (hostUrgent.sa_handler == SIG_DFL || hostUrgent.sa_handler == SIG_IGN) return; // both ignore it
  sigaction(SIGURG, 0, &now);
  goUrgent = now;
  now.sa_sigaction = urgent; // Go's flags: it needs SIGINFO and ONSTACK
  now.sa_flags |= SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGURG, &now, 0);
}

void nl_give_back_signals(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, giveBack);
}
#else
void nl_give_back_signals(void) {}
#endif
