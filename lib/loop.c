/* SPDX-License-Identifier: ISC */
/*
 * loop: the event loop of one thread, over libevent's base.
 *
 * Promises: a callback never runs inside another one; what is deferred runs after the callback
 * that asked for it and before the loop waits again; a post from another thread is never lost.
 * Timers are armed lazily: a deadline that only moves further away (the common case: a peer that
 * keeps talking) touches no heap until it would have fired.
 * Limits: one loop a thread; only loop_post() may be called from elsewhere.
 */
#include "lib/loop_int.h"

#include "lib/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct post {
    STAILQ_ENTRY(post) link;
    loop_fn fn;
    void *arg;
};
STAILQ_HEAD(post_list, post);
STAILQ_HEAD(task_list, loop_task);

struct loop {
    struct event_base *base;
    uint64_t now; /* 0: to be read */
    bool stopped; /* since loop_run() began */
    struct task_list tasks;
    struct io_list closing;
    pthread_mutex_t post_lock; /* guards posts */
    struct post_list posts;
    struct post_list calling; /* taken from posts by on_post(), the loop's thread alone */
    int post_fd;
    struct event *post_event;
    char *scratch;
};

struct watch {
    struct loop *loop;
    loop_fn fn;
    void *arg;
    struct event *event;
};

static void on_post(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct loop *loop = arg;
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
        abort(); /* an eventfd cannot fail otherwise */
    pthread_mutex_lock(&loop->post_lock);
    STAILQ_CONCAT(&loop->calling, &loop->posts);
    pthread_mutex_unlock(&loop->post_lock);
    loop_enter(loop);
    struct post *post;
    while ((post = STAILQ_FIRST(&loop->calling)) != NULL) {
        STAILQ_REMOVE_HEAD(&loop->calling, link);
        post->fn(post->arg);
        free(post);
    }
    loop_leave(loop);
}

struct loop *loop_new(void)
{
    struct loop *loop = mem_alloc(sizeof *loop);
    struct event_config *config = event_config_new();
    if (config == NULL)
        abort();
    /* No change list for epoll: what is taken out must be out before its descriptor is closed, or
     * its number may be another thread's by then. */
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    loop->post_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->base == NULL || loop->post_fd < 0)
        abort();
    STAILQ_INIT(&loop->tasks);
    LIST_INIT(&loop->closing);
    STAILQ_INIT(&loop->posts);
    STAILQ_INIT(&loop->calling);
    pthread_mutex_init(&loop->post_lock, NULL);
    loop->post_event = event_new(loop->base, loop->post_fd, EV_READ | EV_PERSIST, on_post, loop);
    if (loop->post_event == NULL)
        abort();
    event_add(loop->post_event, NULL);
    loop->scratch = mem_alloc(LOOP_SCRATCH);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    io_kill_closing(&loop->closing);
    loop_leave(loop);
    struct post *post;
    while ((post = STAILQ_FIRST(&loop->posts)) != NULL) {
        STAILQ_REMOVE_HEAD(&loop->posts, link);
        free(post);
    }
    event_free(loop->post_event);
    event_base_free(loop->base);
    close(loop->post_fd);
    pthread_mutex_destroy(&loop->post_lock);
    free(loop->scratch);
    free(loop);
}

void loop_run(struct loop *loop)
{
    loop->stopped = false;
    loop_leave(loop);
    if (!loop->stopped) /* libevent forgets a stop from before its own beginning */
        event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_poll(struct loop *loop)
{
    loop_leave(loop);
    event_base_loop(loop->base, EVLOOP_NONBLOCK);
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
    event_base_loopbreak(loop->base);
}

uint64_t loop_now(const struct loop *loop)
{
    if (loop->now != 0)
        return loop->now;
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

struct io_list *loop_closing(struct loop *loop)
{
    return &loop->closing;
}

char *loop_scratch(struct loop *loop)
{
    return loop->scratch;
}

void loop_enter(struct loop *loop)
{
    loop->now = 0;
    loop->now = loop_now(loop);
}

void loop_leave(struct loop *loop)
{
    struct loop_task *task;
    while ((task = STAILQ_FIRST(&loop->tasks)) != NULL) {
        STAILQ_REMOVE_HEAD(&loop->tasks, link);
        task->queued = false;
        task->fn(task->arg);
    }
    loop->now = 0;
}

void loop_task_queue(struct loop *loop, struct loop_task *task)
{
    if (task->queued)
        return;
    task->queued = true;
    STAILQ_INSERT_TAIL(&loop->tasks, task, link);
}

struct deferred {
    struct loop_task task;
    loop_fn fn;
    void *arg;
};

static void run_deferred(void *arg)
{
    struct deferred deferred = *(struct deferred *)arg;
    free(arg);
    deferred.fn(deferred.arg);
}

void loop_defer(struct loop *loop, loop_fn fn, void *arg)
{
    struct deferred *deferred = mem_alloc(sizeof *deferred);
    deferred->fn = fn;
    deferred->arg = arg;
    deferred->task.fn = run_deferred;
    deferred->task.arg = deferred;
    loop_task_queue(loop, &deferred->task);
}

void loop_post(struct loop *loop, loop_fn fn, void *arg)
{
    struct post *post = mem_alloc(sizeof *post);
    post->fn = fn;
    post->arg = arg;
    pthread_mutex_lock(&loop->post_lock);
    bool first = STAILQ_EMPTY(&loop->posts);
    STAILQ_INSERT_TAIL(&loop->posts, post, link);
    pthread_mutex_unlock(&loop->post_lock);
    const uint64_t one = 1;
    if (first && write(loop->post_fd, &one, sizeof one) < 0 && errno != EAGAIN)
        abort();
}

static void unpost(struct post_list *list, loop_fn fn, const void *arg)
{
    struct post_list kept = STAILQ_HEAD_INITIALIZER(kept);
    struct post *post;
    while ((post = STAILQ_FIRST(list)) != NULL) {
        STAILQ_REMOVE_HEAD(list, link);
        if (post->fn == fn && post->arg == arg)
            free(post);
        else
            STAILQ_INSERT_TAIL(&kept, post, link);
    }
    STAILQ_CONCAT(list, &kept);
}

void loop_unpost(struct loop *loop, loop_fn fn, void *arg)
{
    unpost(&loop->calling, fn, arg);
    pthread_mutex_lock(&loop->post_lock);
    unpost(&loop->posts, fn, arg);
    pthread_mutex_unlock(&loop->post_lock);
}

static void timer_arm(struct timer *timer, uint64_t now)
{
    uint64_t ms = timer->deadline > now ? timer->deadline - now : 0;
    struct timeval tv = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    timer->armed = timer->deadline;
    event_add(&timer->event, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct timer *timer = arg;
    struct loop *loop = timer->loop;
    timer->armed = 0;
    if (timer->deadline == 0)
        return;
    loop_enter(loop);
    uint64_t now = loop_now(loop);
    if (timer->deadline > now) {
        timer_arm(timer, now);
    } else {
        timer->deadline = 0;
        timer->fn(timer->arg);
    }
    loop_leave(loop);
}

void timer_init(struct timer *timer, struct loop *loop, loop_fn fn, void *arg)
{
    *timer = (struct timer){.loop = loop, .fn = fn, .arg = arg};
    event_assign(&timer->event, loop->base, -1, 0, on_timer, timer);
}

void timer_stop(struct timer *timer)
{
    timer->deadline = 0;
    if (timer->armed != 0)
        event_del(&timer->event);
    timer->armed = 0;
}

struct timer *timer_new(struct loop *loop, loop_fn fn, void *arg)
{
    struct timer *timer = mem_alloc(sizeof *timer);
    timer_init(timer, loop, fn, arg);
    return timer;
}

void timer_free(struct timer *timer)
{
    if (timer == NULL)
        return;
    timer_stop(timer);
    free(timer);
}

void timer_set(struct timer *timer, uint64_t ms)
{
    uint64_t now = loop_now(timer->loop);
    timer->deadline = now + ms;
    if (timer->armed == 0 || timer->armed > timer->deadline)
        timer_arm(timer, now);
}

void timer_clear(struct timer *timer)
{
    timer->deadline = 0; /* the event, if pending, finds nothing to do */
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct watch *watch = arg;
    struct loop *loop = watch->loop;
    loop_enter(loop);
    watch->fn(watch->arg);
    loop_leave(loop);
}

static struct watch *watch_new(struct loop *loop, int fd, short what, loop_fn fn, void *arg)
{
    struct watch *watch = mem_alloc(sizeof *watch);
    *watch = (struct watch){.loop = loop, .fn = fn, .arg = arg};
    watch->event = event_new(loop->base, fd, (short)(what | EV_PERSIST), on_watch, watch);
    if (watch->event == NULL || event_add(watch->event, NULL) != 0)
        abort();
    return watch;
}

struct watch *watch_signal(struct loop *loop, int signo, loop_fn fn, void *arg)
{
    return watch_new(loop, signo, EV_SIGNAL, fn, arg);
}

struct watch *watch_fd(struct loop *loop, int fd, int what, loop_fn fn, void *arg)
{
    short events = 0;
    if (what & WATCH_READ)
        events |= EV_READ;
    if (what & WATCH_WRITE)
        events |= EV_WRITE;
    return watch_new(loop, fd, events, fn, arg);
}

void watch_free(struct watch *watch)
{
    if (watch == NULL)
        return;
    event_free(watch->event);
    free(watch);
}
