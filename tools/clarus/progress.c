#include "progress.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static struct {
    int active;
    const char *unit;
    size_t total, done;
    double started, drawn;
    atomic_int visible;
} bar;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void progress_start(int wanted, const char *unit, size_t total)
{
    bar.active = wanted && isatty(STDERR_FILENO);
    bar.unit = unit;
    bar.total = total;
    bar.done = 0;
    bar.started = seconds();
    bar.drawn = 0;
    progress_set_done(0);
}

void progress_set_total(size_t total)
{
    bar.total = total;
}

static int terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* As "1:05" or "2:03:10". */
static void format_duration(double left, char *text, size_t room)
{
    long s = left < 359999 ? (long)(left + 0.5) : 359999;
    if (s >= 3600)
        snprintf(text, room, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, room, "%ld:%02ld", s / 60, s % 60);
}

static void draw(double now)
{
    enum { BAR_WIDTH = 24 };
    char line[256], filled[BAR_WIDTH + 1], left[32];
    double elapsed = now - bar.started, rate = elapsed > 0 ? (double)bar.done / elapsed : 0;
    if (bar.total) {
        double part = (double)bar.done / (double)bar.total;
        int full = (int)(part * BAR_WIDTH);
        memset(filled, '.', BAR_WIDTH);
        memset(filled, '#', (size_t)full);
        filled[BAR_WIDTH] = '\0';
        snprintf(line, sizeof line, "[%s] %3d %%  %zu of %zu %s", filled, (int)(part * 100), bar.done,
                 bar.total, bar.unit);
    } else {
        snprintf(line, sizeof line, "%zu %s", bar.done, bar.unit);
    }
    size_t used = strlen(line);
    if (bar.done && elapsed > 0.5) {
        snprintf(line + used, sizeof line - used, "  %.1f/s", rate);
        used = strlen(line);
        if (bar.total > bar.done) {
            format_duration((double)(bar.total - bar.done) / rate, left, sizeof left);
            snprintf(line + used, sizeof line - used, "  %s left", left);
        }
    }
    fprintf(stderr, "\r\033[K%.*s", terminal_width() - 1, line);
    fflush(stderr);
    atomic_store(&bar.visible, 1);
}

void progress_set_done(size_t done)
{
    bar.done = done;
    if (!bar.active)
        return;
    double now = seconds();
    if (now - bar.drawn < 0.1)
        return;
    bar.drawn = now;
    draw(now);
}

void progress_hide(void)
{
    if (!atomic_exchange(&bar.visible, 0))
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
}

void progress_stop(void)
{
    bar.active = 0;
    progress_hide();
}
