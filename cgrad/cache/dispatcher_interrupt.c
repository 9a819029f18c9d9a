/* The compiled dispatcher, part 3 of 6: Ctrl-C leaves a kernel at once.
 *
 * A kernel computes. It takes no lock, allocates nothing and keeps nothing, and nobody has seen
 * its results yet. So the main thread may leave one at any instruction: the handler of SIGINT lets
 * Python's own handler note the signal and then jumps out of the kernel (cysignals does the same
 * for Sage). Kernels do not look at a flag, and cost nothing for it. They are not left while they
 * hold on (cg_hold): in a BLAS, which has locks, and in threads. Kernels that call C of the user's
 * or Python are not interruptible.
 *
 * A handler of the program's own that does not raise wants the result: then the kernel runs again,
 * to its end. */

static struct {
    sigjmp_buf place;
    fenv_t environment;           /* libm may have changed the rounding for a moment */
    struct sigaction outside;     /* Python's handler */
    pthread_t main;
    volatile sig_atomic_t installed;
    volatile sig_atomic_t inside; /* the main thread runs a kernel that may be left */
    volatile sig_atomic_t held, pressed;
} watch;
static __thread int watched; /* this thread is the one that is */

static int is_main_thread(void)
{
#if defined(__APPLE__)
    return pthread_main_np();
#elif defined(__linux__)
    return syscall(SYS_gettid) == (long)getpid();
#else
    return 0;
#endif
}

static void on_interrupt(int number, siginfo_t *info, void *context)
{
    if (!is_main_thread()) { /* raised in this one; only the main one can leave its kernel */
        pthread_kill(watch.main, number);
        return;
    }
    if (watch.outside.sa_flags & SA_SIGINFO)
        watch.outside.sa_sigaction(number, info, context);
    else
        watch.outside.sa_handler(number);
    watch.pressed = 1;
    if (watch.inside && watch.held == 0) {
        watch.inside = 0;
        siglongjmp(watch.place, 1);
    }
}

/* What kernels of the main thread call as cg_rt.hold. */
static void hold(int on)
{
    if (!watched)
        return;
    watch.held += on ? 1 : -1;
    if (watch.held == 0 && watch.pressed && watch.inside) {
        watch.inside = 0;
        siglongjmp(watch.place, 1);
    }
}

/* Whether from now on a SIGINT of the main thread comes to `on_interrupt`. */
static int start_watch(void)
{
    if (watch.installed || !is_main_thread() || sigaction(SIGINT, NULL, &watch.outside) < 0)
        return 0;
    if (!(watch.outside.sa_flags & SA_SIGINFO) &&
        (watch.outside.sa_handler == SIG_DFL || watch.outside.sa_handler == SIG_IGN))
        return 0;
    struct sigaction action = watch.outside;
    action.sa_flags |= SA_SIGINFO | SA_NODEFER; /* a handler that is jumped out of blocks none */
    action.sa_sigaction = on_interrupt;
    watch.main = pthread_self();
    watch.held = watch.pressed = 0;
    watch.installed = sigaction(SIGINT, &action, NULL) == 0;
    return watch.installed;
}

static void stop_watch(void)
{
    sigaction(SIGINT, &watch.outside, NULL);
    watch.installed = 0;
}

/* The thread that forked is the main one of the child, and in no kernel. */
static void forget_watch(void)
{
    if (watch.installed)
        stop_watch();
    watch.inside = 0;
}

/* Run a kernel between `start_watch` and `stop_watch`. */
static __attribute__((noinline)) int64_t run_watched(entry_function entry, const cg_rt *runtime,
                                                     Frame *frame, void *work, cg_status *status)
{
    int64_t code = CG_INTERRUPTED;
    fegetenv(&watch.environment);
    if (sigsetjmp(watch.place, 0) != 0) {
        watched = 0;
        fesetenv(&watch.environment);
        return CG_INTERRUPTED;
    }
    watched = 1;
    watch.inside = 1;
    if (!watch.pressed)
        code = entry(runtime, frame->in, frame->out, frame->size, work, status);
    watch.inside = 0;
    watched = 0;
    return code;
}
