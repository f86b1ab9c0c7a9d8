#include "interrupt.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t noted;
static void (*volatile notify)(void);

static void note(int number)
{
    noted = number;
    if (notify)
        notify();
}

void interrupt_watch(void (*on_signal)(void))
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action, before;
    memset(&action, 0, sizeof action);
    notify = on_signal;
    action.sa_handler = note;
    action.sa_flags = (int)SA_RESETHAND; /* the second one has its default effect */
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* as under nohup */
            sigaction(signals[i], &action, NULL);
}

int interrupt_seen(void)
{
    return noted != 0;
}

void interrupt_finish(void)
{
    if (!noted)
        return;
    signal(noted, SIG_DFL);
    raise(noted);
}
