/* An SMTP server that accepts everything and keeps nothing, fast enough not to be what is measured.
 *
 *   cc -O2 -o sink sink.c                                    without TLS
 *   cc -O2 -DWITH_TLS -o sink sink.c -lssl -lcrypto          offers STARTTLS, given --cert and --key
 *   sink [--port N] [--accept-ms N] [--rtt-ms N] [--per-connection N] [--log FILE] [--cert FILE --key FILE]
 *
 * It listens on 127.0.0.1 only, and prints `port N` when it is ready (port 0, the default, lets the
 * system choose). SIGUSR1 prints the counts as one line of JSON, SIGTERM and SIGINT print them and
 * end. It ends with the process that started it. Linux only. One thread: a body is searched for
 * CRLF.CRLF with memmem in large reads, never looked at line by line.
 *
 * Two delays can be asked for; they end on whole milliseconds, up to one late:
 *   --accept-ms  between the end of a body and its 250, as a server that writes queue files;
 *   --rtt-ms     between the arrival of bytes and the moment the server sees them, as a far server
 *                (the handshakes of the kernel and of TLS are not delayed).
 *
 * A message counts when its final dot is here, also when its client has left before the 250, as a
 * real server would have it. --log appends each recipient as a line before the reply is written. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#else
typedef void SSL, SSL_CTX;
#endif

enum { ROOM = 512 * 1024, MOST_ROOM = 64 * ROOM, LONGEST_LINE = 4096, MOST_EVENTS = 256 };

typedef struct {
    int fd, gone, hung_up;          /* gone: closed by us; hung_up: the client sends no more */
    int waiting;                    /* events in the delay lines that name it */
    int has_sender, count; /* count: recipients of this transaction */
    int in_body, accepting;         /* accepting: the dot is here, its 250 is not due yet */
    int matched;                    /* how many bytes of CRLF.CRLF the body has just shown */
    long messages;
    char *in;                       /* [start, seen) may be read, [seen, end) are under way */
    size_t room, start, seen, end, replies, named;
    char out[8192], recipients[8192];
    SSL *tls;
} Client;

typedef struct Event { /* bytes that arrive, or a 250 that is due */
    Client *client;
    size_t arrived;
    double due;
    struct Event *next;
} Event;

typedef struct { /* each delay is a constant, so the queue is in order by itself */
    double delay;
    Event *first, *last;
} DelayLine;

static DelayLine arrival, acceptance;
static int epoll, listener;
static FILE *accepted_log;
static long per_connection;
static unsigned long accepted, recipients, bytes, connections, open_now, peak;
static SSL_CTX *tls_settings;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void print_counts(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("{\"accepted\": %lu, \"recipients\": %lu, \"bytes\": %lu, \"connections\": %lu,"
           " \"peak\": %lu, \"cpu_seconds\": %.6f}\n", accepted, recipients, bytes, connections, peak,
           used.ru_utime.tv_sec + used.ru_stime.tv_sec
               + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6);
    fflush(stdout);
}

/* -- connections ------------------------------------------------------------------------------ */

static void leave(Client *c) {
    if (c->gone) return;
#ifdef WITH_TLS
    if (c->tls) SSL_free(c->tls);
#endif
    close(c->fd); /* epoll forgets it */
    c->gone = 1;
    open_now--;
}

static void flush(Client *c) { /* who cannot take these few bytes reads nothing: dropped */
    ssize_t n = c->replies;
    if (n && !c->gone) {
#ifdef WITH_TLS
        if (c->tls) n = SSL_write(c->tls, c->out, (int)n); else
#endif
        n = send(c->fd, c->out, n, MSG_NOSIGNAL);
    }
    if (n != (ssize_t)c->replies) leave(c);
    c->replies = 0;
}

static void reply(Client *c, const char *text) {
    size_t n = strlen(text);
    if (c->replies + n > sizeof c->out) flush(c);
    memcpy(c->out + c->replies, text, n);
    c->replies += n;
}

static void later(DelayLine *line, Client *c, size_t arrived) {
    Event *event = malloc(sizeof *event);
    if (!event) die("malloc");
    *event = (Event){c, arrived, now() + line->delay, NULL};
    if (line->first) line->last->next = event;
    else line->first = event;
    line->last = event;
    c->waiting++;
}

/* -- the conversation ------------------------------------------------------------------------- */

static void reset(Client *c) { c->has_sender = c->count = c->named = 0; }

static void accept_message(Client *c) {
    accepted++;
    recipients += c->count;
    c->messages++;
    if (accepted_log) fwrite(c->recipients, 1, c->named, accepted_log), fflush(accepted_log);
    reset(c);
    reply(c, "250 2.0.0 accepted\r\n");
}

static void mail_from(Client *c) {
    if (per_connection && c->messages >= per_connection) {
        reply(c, "421 4.7.0 enough for one connection\r\n");
        flush(c);
        return leave(c);
    }
    if (c->has_sender) return reply(c, "503 5.5.1 one sender at a time\r\n");
    c->has_sender = 1;
    reply(c, "250 2.1.0 ok\r\n");
}

static void rcpt_to(Client *c, const char *line, size_t n) {
    const char *left = memchr(line, '<', n), *right = memchr(line, '>', n);
    if (!c->has_sender) return reply(c, "503 5.5.1 MAIL first\r\n");
    if (!left || right < left) return reply(c, "501 5.1.3 <address>\r\n");
    n = right - left;
    if (c->named + n > sizeof c->recipients) return reply(c, "452 4.5.3 too many recipients\r\n");
    memcpy(c->recipients + c->named, left + 1, n - 1);
    c->named += n;
    c->recipients[c->named - 1] = '\n';
    c->count++;
    reply(c, "250 2.1.5 ok\r\n");
}

static void start_tls(Client *c) {
    if (!tls_settings || c->tls) return reply(c, "454 4.7.0 not here\r\n");
    if (c->start != c->end) return leave(c); /* a command smuggled in before TLS (RFC 3207, 6) */
    reply(c, "220 2.0.0 go ahead\r\n");
    flush(c);
    reset(c);
#ifdef WITH_TLS
    if (c->gone) return;
    c->tls = SSL_new(tls_settings);
    if (!c->tls || !SSL_set_fd(c->tls, c->fd)) return leave(c);
    SSL_set_accept_state(c->tls); /* SSL_read shakes hands by itself */
#endif
}

static void command(Client *c, const char *line, size_t n) {
#define IS(verb) (n >= sizeof verb && !strncasecmp(line, verb, sizeof verb - 1))
    if (IS("MAIL FROM:")) mail_from(c);
    else if (IS("RCPT TO:")) rcpt_to(c, line, n);
    else if (IS("DATA") && !c->count) reply(c, "503 5.5.1 RCPT first\r\n");
    else if (IS("DATA")) {
        c->in_body = 1;
        c->matched = 2; /* the line end of DATA: a lone dot may follow it at once */
        reply(c, "354 go on, until CRLF.CRLF\r\n");
    } else if (IS("EHLO") || IS("HELO")) {
        reset(c);
        if (IS("HELO")) return reply(c, "250 sink\r\n");
        reply(c, "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 50000000\r\n");
        if (tls_settings && !c->tls) reply(c, "250-STARTTLS\r\n");
        reply(c, "250 ENHANCEDSTATUSCODES\r\n");
    } else if (IS("STARTTLS")) start_tls(c);
    else if (IS("RSET")) reset(c), reply(c, "250 2.0.0 ok\r\n");
    else if (IS("NOOP")) reply(c, "250 2.0.0 ok\r\n");
    else if (IS("QUIT")) reply(c, "221 2.0.0 bye\r\n"), flush(c), leave(c);
    else reply(c, "500 5.5.2 what?\r\n");
}

/* Give how many of `n` bytes are the body's; *ended tells whether its end mark is among them.
 * The mark may lie across two reads: `matched` keeps how much of it the last one ended with. */
static size_t body(Client *c, const char *data, size_t n, int *ended) {
    static const char MARK[] = "\r\n.\r\n";
    size_t at = 0;
    for (int tail = 0; tail < 2; tail++) { /* byte by byte while a mark has begun, and at the tail */
        while (at < n && (c->matched || tail)) {
            char byte = data[at++];
            c->matched = byte == MARK[c->matched] ? c->matched + 1 : byte == '\r';
            if (c->matched == 5) return *ended = 1, at;
        }
        if (at == n) break;
        const char *found = memmem(data + at, n - at, MARK, 5);
        if (found) return *ended = 1, found - data + 5;
        if (n - at > 4) at = n - 4;
    }
    return n;
}

static void converse(Client *c) {
    while (!c->gone && !c->accepting && c->start < c->seen) {
        const char *data = c->in + c->start, *end;
        size_t n = c->seen - c->start;
        if (c->in_body) {
            int ended = 0;
            c->start += body(c, data, n, &ended);
            if (!ended) continue;
            c->in_body = 0;
            c->accepting = acceptance.delay > 0;
            if (c->accepting) later(&acceptance, c, 0);
            else accept_message(c);
        } else if ((end = memchr(data, '\n', n))) {
            c->start += end - data + 1;
            command(c, data, end - data + 1);
        } else {
            if (n > LONGEST_LINE) leave(c);
            break;
        }
    }
    flush(c);
    if (c->start == c->end) c->start = c->seen = c->end = 0;
    if (c->hung_up && c->seen == c->end) leave(c);
}

/* -- the loop --------------------------------------------------------------------------------- */

static ssize_t receive(Client *c) {
    if (c->end == c->room && c->start > 0) {
        memmove(c->in, c->in + c->start, c->end - c->start);
        c->end -= c->start, c->seen -= c->start, c->start = 0;
    }
    if (c->end == c->room) {
        c->room = c->room ? 2 * c->room : ROOM;
        if (c->room > MOST_ROOM) return 0;
        if (!(c->in = realloc(c->in, c->room))) die("realloc");
    }
#ifdef WITH_TLS
    if (c->tls) {
        ERR_clear_error(); /* another connection's trouble is not this one's */
        int n = SSL_read(c->tls, c->in + c->end, (int)(c->room - c->end));
        int why = SSL_get_error(c->tls, n);
        errno = EAGAIN;
        return n > 0 ? n : why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? -1 : 0;
    }
#endif
    return recv(c->fd, c->in + c->end, c->room - c->end, 0);
}

static void readable(Client *c) {
    do { /* under TLS until nothing is left: epoll does not know of records that are read already */
        ssize_t n = receive(c);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        c->hung_up = n <= 0;
        if (c->hung_up) epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, NULL);
        if (c->hung_up) return converse(c);
        bytes += n;
        c->end += n;
        if (arrival.delay > 0) later(&arrival, c, n);
        else c->seen = c->end, converse(c);
    } while (c->tls && !c->gone);
}

static void welcome(void) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        Client *c = calloc(1, sizeof *c);
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = c};
        if (!c || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted)) die("welcome");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        c->fd = fd;
        connections++;
        if (++open_now > peak) peak = open_now;
        reply(c, "220 sink ESMTP\r\n");
        if (arrival.delay > 0) later(&arrival, c, 0); /* the greeting is flushed when it is due */
        else flush(c);
    }
}

static void release(Client *c) {
    if (!c->gone || c->waiting) return;
    free(c->in);
    free(c);
}

static void run_due(DelayLine *line) {
    double moment = now();
    while (line->first && line->first->due <= moment) {
        Event *event = line->first;
        Client *c = event->client;
        line->first = event->next;
        c->waiting--;
        c->seen += event->arrived;
        if (line == &acceptance) c->accepting = 0, accept_message(c);
        converse(c);
        release(c);
        free(event);
    }
}

static int milliseconds_to_next(void) {
    const Event *a = arrival.first, *b = acceptance.first, *next = !a || (b && b->due < a->due) ? b : a;
    double left = next ? (next->due - now()) * 1000 : -1;
    return !next ? -1 : left <= 0 ? 0 : (int)left + 1;
}

static void serve(int signals) {
    struct epoll_event events[MOST_EVENTS];
    struct signalfd_siginfo told;
    for (;;) {
        int n = epoll_wait(epoll, events, MOST_EVENTS, milliseconds_to_next());
        for (int i = 0; i < n; i++) {
            Client *c = events[i].data.ptr;
            if (c == (void *)&listener) welcome();
            else if (c != (void *)&epoll) readable(c), release(c);
            else if (read(signals, &told, sizeof told) == sizeof told) {
                print_counts();
                if (told.ssi_signo != SIGUSR1) return;
            }
        }
        run_due(&acceptance);
        run_due(&arrival); /* after the events: what is freed here is in none of them */
    }
}

static void watch(int fd, void *mark) {
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = mark};
    if (fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted)) die("epoll");
}

static int listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t size = sizeof address;
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (void *)&address, size) || listen(fd, 1024)) die("listen");
    getsockname(fd, (void *)&address, &size);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void offer_tls(const char *certificate, const char *key) {
#ifdef WITH_TLS
    tls_settings = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(tls_settings, certificate) == 1
        && SSL_CTX_use_PrivateKey_file(tls_settings, key, SSL_FILETYPE_PEM) == 1) return;
#endif
    fprintf(stderr, "%s, %s: not usable, or built without WITH_TLS\n", certificate, key);
    exit(1);
}

int main(int count, char **words) {
    static const struct option OPTIONS[] = {
        {"port", 1, 0, 'p'}, {"accept-ms", 1, 0, 'a'}, {"rtt-ms", 1, 0, 'r'}, {"cert", 1, 0, 'c'},
        {"per-connection", 1, 0, 'n'}, {"log", 1, 0, 'l'}, {"key", 1, 0, 'k'}, {0, 0, 0, 0}};
    const char *certificate = NULL, *key = NULL;
    int port = 0, option;
    while ((option = getopt_long(count, words, "", OPTIONS, NULL)) != -1) switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'a': acceptance.delay = atof(optarg) / 1000; break;
        case 'r': arrival.delay = atof(optarg) / 1000; break;
        case 'n': per_connection = atol(optarg); break;
        case 'l': if (!(accepted_log = fopen(optarg, "a"))) die("--log"); break;
        case 'c': certificate = optarg; break;
        case 'k': key = optarg; break;
        default: return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    if (certificate && key) offer_tls(certificate, key);
    sigset_t told;
    sigemptyset(&told);
    sigaddset(&told, SIGUSR1), sigaddset(&told, SIGTERM), sigaddset(&told, SIGINT);
    sigprocmask(SIG_BLOCK, &told, NULL);
    int signals = signalfd(-1, &told, SFD_CLOEXEC | SFD_NONBLOCK);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    listener = listen_on(port);
    watch(listener, &listener);
    watch(signals, &epoll);
    serve(signals);
    return 0;
}
