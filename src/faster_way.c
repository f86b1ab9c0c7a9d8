#include "faster_way.h"

enum { SHORT_WAIT = 16, LONG_WAIT = 1024, MUCH_SLOWER = 2 };

static int is_trial_due(const faster_way *f)
{
    return f->ms[f->way] > 0 && f->since >= f->wait;
}

int faster_way_next(const faster_way *f)
{
    return is_trial_due(f) ? !f->way : f->way;
}

static void end_trial(faster_way *f, double ms)
{
    const int wins = ms < f->ms[f->way];
    f->wait = wins || f->wait == 0 ? SHORT_WAIT : f->wait * 2 < LONG_WAIT ? f->wait * 2 : LONG_WAIT;
    f->way = wins ? !f->way : f->way;
    f->since = 0;
}

void faster_way_took(faster_way *f, int way, double ms)
{
    const double before = f->ms[way];
    if (!f->is_warm) {
        f->is_warm = 1;
        return;
    }
    if (way != f->way) {
        f->ms[way] = ms;
        end_trial(f, ms);
        return;
    }
    f->ms[way] = before > 0 ? (3 * before + ms) / 4 : ms;
    f->since++;
    if (before > 0 && ms > MUCH_SLOWER * before)
        f->since = f->wait = SHORT_WAIT;
}
