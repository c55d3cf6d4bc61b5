/* The CNI plugin: carries a call of the container runtime to the daemon, and the answer back.
 *
 * The environment goes as headers of an HTTP request over the Unix socket, the configuration from stdin as its
 * body; the body of the answer goes to stdout. VERSION is answered here. While the daemon is away an ADD waits
 * for the next one, a DEL is written down for it, and all else is refused. client.py is the same in Python.
 *
 *     musl-gcc -O2 -static -s -Wall -Wextra -Werror -o aws-addons-cni cni_plugin.c
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 1 << 20, LONGEST_VALUE = 4096, LONGEST_NAME = 200 };
enum { VERSION_UNKNOWN = 1, BAD_ENVIRONMENT = 4, IO_FAILURE = 5, UNDECODABLE = 6, BAD_CONFIG = 7, TRY_LATER = 11,
       NOT_AVAILABLE = 50 };
#ifndef AWAY_MS /* how long an ADD waits for a daemon that is away: as long as one takes to be replaced */
#define AWAY_MS 60000
#endif
/* The kubelet gives up after 240 s. A daemon that ended after SERVED_MS leaves its successor all of AWAY_MS. */
enum { STDIN_MS = 30000, ADD_MS = 170000, CALL_MS = 60000, SERVED_MS = 1000, NAP_MS = 50 };
enum outcome { ANSWERED, AWAY, BROKEN };

static const char *const VARIABLES[] = {"COMMAND", "CONTAINERID", "NETNS", "IFNAME", "ARGS"};
static char body[LONGEST + 1], request[LONGEST + 8 * LONGEST_VALUE], answer[LONGEST + 2 * LONGEST_VALUE + 1];
static size_t body_size, request_size, answer_size;
static char version[32] = "1.1.0", socket_path[LONGEST_VALUE] = "/run/aws-addons/cni.sock";
static char spool_path[LONGEST_VALUE] = "/run/aws-addons/cni/spool";

static long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

static int write_all(int file, const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(file, data, size);
        if (written < 0 && errno != EINTR) return -1;
        if (written > 0) data += written, size -= (size_t)written;
    }
    return 0;
}

/* Tells the runtime why the call failed; neither text may need escapes in JSON. */
static _Noreturn void fail(int code, const char *message, const char *details) {
    char text[2 * LONGEST_VALUE];
    int size = snprintf(text, sizeof text, "{\"cniVersion\":\"%s\",\"code\":%d,\"msg\":\"%s\",\"details\":\"%s\"}\n",
                        version, code, message, details);
    (void)!write_all(STDOUT_FILENO, text, (size_t)size);
    exit(1);
}

static int wait_for(int file, short events, long until) {
    for (;;) {
        struct pollfd polled = {.fd = file, .events = events};
        long left = until - now_ms();
        int ready = left > 0 ? poll(&polled, 1, (int)left) : 0;
        if (ready >= 0 || errno != EINTR) return ready > 0;
    }
}

static void read_stdin(void) {
    long until = now_ms() + STDIN_MS;
    for (;;) {
        if (!wait_for(STDIN_FILENO, POLLIN, until)) fail(IO_FAILURE, "stdin did not end in time", "");
        ssize_t size = read(STDIN_FILENO, body + body_size, sizeof body - body_size);
        if (size < 0 && errno != EINTR && errno != EAGAIN) fail(IO_FAILURE, "stdin cannot be read", strerror(errno));
        if (size == 0) return;
        if (size > 0) body_size += (size_t)size;
        if (body_size > LONGEST) fail(UNDECODABLE, "the network configuration is too large", "");
    }
}

static size_t skip_space(size_t at) {
    while (at < body_size && strchr(" \t\r\n", body[at])) at++;
    return at;
}

static size_t end_of_string(size_t at) {
    while (at < body_size && body[at] != '"') at += body[at] == '\\' ? 2 : 1;
    return at < body_size ? at : body_size;
}

/* Copies the text that a key has in the outermost object of the configuration; leaves `value` alone without it. */
static void find_text(const char *key, char *value, size_t room) {
    int depth = 0;
    for (size_t at = 0; at < body_size; at++) {
        if (strchr("{[", body[at]) && body[at]) depth++;
        if (strchr("}]", body[at]) && body[at]) depth--;
        if (body[at] != '"') continue;
        size_t begin = at + 1, end = end_of_string(begin), next = skip_space(end + 1);
        at = end;
        if (depth != 1 || next >= body_size || body[next] != ':') continue;
        if (end - begin != strlen(key) || memcmp(body + begin, key, end - begin) != 0) continue;
        if ((begin = skip_space(next + 1)) >= body_size || body[begin++] != '"') continue;
        end = end_of_string(begin);
        if (end - begin >= room || memchr(body + begin, '\\', end - begin) || memchr(body + begin, 0, end - begin))
            fail(BAD_CONFIG, "the network configuration has a text that is too long or has escapes", key);
        memcpy(value, body + begin, end - begin), value[end - begin] = 0;
        return;
    }
}

static void read_config(void) {
    char asked[sizeof version] = "";
    find_text("cniVersion", asked, sizeof asked);
    if (*asked && strspn(asked, "0123456789.") == strlen(asked)) memcpy(version, asked, sizeof asked);
    find_text("socket", socket_path, sizeof ((struct sockaddr_un *)0)->sun_path);
    find_text("spool", spool_path, sizeof spool_path);
}

static void add(const char *data, size_t size) {
    memcpy(request + request_size, data, size);
    request_size += size;
}

static void add_header(const char *name, const char *value) {
    size_t size = strlen(value);
    if (size > LONGEST_VALUE) fail(BAD_ENVIRONMENT, "a variable is too long: CNI_", name);
    for (size_t at = 0; at < size; at++)
        if (iscntrl((unsigned char)value[at])) fail(BAD_ENVIRONMENT, "a variable has control characters: CNI_", name);
    if (size && (value[0] == ' ' || value[size - 1] == ' '))
        fail(BAD_ENVIRONMENT, "a variable begins or ends with a space: CNI_", name);
    add("Cni-", 4), add(name, strlen(name)), add(": ", 2), add(value, size), add("\r\n", 2);
}

static void build_request(void) {
    char length[64];
    const char *first = "POST /v1/cni HTTP/1.1\r\nHost: cni\r\nConnection: close\r\n";
    add(first, strlen(first));
    for (size_t each = 0; each < sizeof VARIABLES / sizeof *VARIABLES; each++) {
        char name[32];
        snprintf(name, sizeof name, "CNI_%s", VARIABLES[each]);
        const char *value = getenv(name);
        if (value) add_header(VARIABLES[each], value);
    }
    add(length, (size_t)snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", body_size));
    add(body, body_size);
}

/* Whether the answer is whole; its body is put in the place of all that was read. */
static int is_whole(int *status) {
    answer[answer_size] = 0;
    char *end = strstr(answer, "\r\n\r\n"), *length = strcasestr(answer, "\r\nContent-Length:");
    if (!end || !length || length > end || sscanf(answer, "HTTP/1.%*1[01] %3d ", status) != 1) return 0;
    size_t head = (size_t)(end - answer) + 4, size = strtoul(length + 17, NULL, 10);
    if (answer_size - head != size) return 0;
    memmove(answer, answer + head, size);
    answer_size = size;
    return 1;
}

static enum outcome exchange(long until, int *status) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
    int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file < 0 || connect(file, (struct sockaddr *)&address, sizeof address) < 0) {
        if (file >= 0) close(file);
        return AWAY;
    }
    ssize_t size = 1;
    for (size_t sent = 0; sent < request_size && size >= 0; sent += size > 0 ? (size_t)size : 0) {
        size = wait_for(file, POLLOUT, until) ? send(file, request + sent, request_size - sent, MSG_NOSIGNAL) : -1;
        if (size < 0 && errno == EAGAIN && now_ms() < until) size = 0;
    }
    answer_size = 0;
    int is_answered = 0;
    while (!is_answered && size != 0 && answer_size < sizeof answer - 1) {
        if (!wait_for(file, POLLIN, until)) break;
        size = recv(file, answer + answer_size, sizeof answer - 1 - answer_size, 0);
        if (size < 0 && errno != EAGAIN && errno != EINTR) break;
        if (size > 0) answer_size += (size_t)size, is_answered = is_whole(status);
    }
    close(file);
    return is_answered ? ANSWERED : BROKEN;
}

/* Exchanges until there is an answer; an ADD waits for the next daemon where one is away, or ends. */
static enum outcome ask(int is_add, int *status) {
    long began = now_ms(), until = began + (is_add ? ADD_MS : CALL_MS), patience = began + AWAY_MS;
    for (;;) {
        enum outcome outcome = exchange(until, status);
        long now = now_ms();
        if (outcome == BROKEN && now - began >= SERVED_MS) patience = now + AWAY_MS;
        if (outcome == ANSWERED || !is_add || now >= patience || now >= until) return outcome;
        poll(NULL, 0, NAP_MS);
        began = now_ms();
    }
}

static void make_folders(char *path) {
    for (char *slash = path; slash; slash = strchr(slash + 1, '/')) {
        if (slash == path) continue;
        *slash = 0, mkdir(path, 0700), *slash = '/';
    }
    mkdir(path, 0700);
}

/* Writes the request down, once for each container and interface; what is there already is as good. */
static int spool(void) {
    char name[2 * LONGEST_NAME + 8], new[2 * LONGEST_NAME + 64];
    const char *container = getenv("CNI_CONTAINERID"), *interface = getenv("CNI_IFNAME");
    if (!container || !interface || !isalnum((unsigned char)*container) || strchr(container, '/') ||
        strchr(interface, '/') || strlen(container) + strlen(interface) > LONGEST_NAME)
        fail(BAD_ENVIRONMENT, "CNI_CONTAINERID and CNI_IFNAME name no container and no interface", "");
    snprintf(name, sizeof name, "%s-%s", container, interface);
    snprintf(new, sizeof new, ".%s.%ld", name, (long)getpid());
    make_folders(spool_path);
    int folder = open(spool_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return -1;
    if (faccessat(folder, name, F_OK, 0) == 0) return 0;
    int file = openat(folder, new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return -1;
    if (write_all(file, request, request_size) || fsync(file) || renameat(folder, new, folder, name)) {
        int error = errno;
        unlinkat(folder, new, 0);
        errno = error;
        return -1;
    }
    return fsync(folder);
}

int main(void) {
    const char *command = getenv("CNI_COMMAND");
    int status = 0, is_add = command && strcmp(command, "ADD") == 0;
    signal(SIGPIPE, SIG_IGN);
    if (!command || !*command) fail(BAD_ENVIRONMENT, "CNI_COMMAND is not set: a container runtime runs this", "");
    read_stdin();
    read_config();
    if (strcmp(command, "VERSION") == 0) {
        dprintf(STDOUT_FILENO, "{\"cniVersion\":\"%s\",\"supportedVersions\":[\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n", version);
        return 0;
    }
    build_request();
    enum outcome outcome = ask(is_add, &status);
    if (outcome == ANSWERED) {
        if (write_all(STDOUT_FILENO, answer, answer_size)) return 1;
        return status == 200 ? 0 : 1;
    }
    if (strcmp(command, "DEL") == 0) {
        if (spool() == 0) return 0;
        fail(IO_FAILURE, "the daemon is away, and the DEL cannot be written down for it", strerror(errno));
    }
    const char *why = outcome == AWAY ? "the daemon of aws-addons-cni does not run on this node"
                                      : "the daemon of aws-addons-cni ended, or took too long";
    fail(strcmp(command, "STATUS") == 0 ? NOT_AVAILABLE : TRY_LATER, why, socket_path);
}
