/* Stands before the C library (LD_PRELOAD): a disk that fails, a file that goes away, a tty that is none.
 *
 * FAULT_NAME is the end of a path. Reading such a file fails with FAULT_ERRNO from byte FAULT_AT on; with FAULT_OPEN the
 * n-th time that it is opened does. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int fault(void) {
    return atoi(getenv("FAULT_ERRNO") ? getenv("FAULT_ERRNO") : "5");
}

static int named(const char *path) {
    const char *name = getenv("FAULT_NAME");
    size_t length = strlen(path), wanted = name ? strlen(name) : 0;
    return wanted && length >= wanted && !strcmp(path + length - wanted, name);
}

/* How many of `size` bytes may be read from `fd` at `offset`; -1 when it is another file. */
static ssize_t allowed(int fd, off_t offset, size_t size) {
    char link[64], path[4096];
    const char *at = getenv("FAULT_AT");
    if (!at) return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return -1;
    path[length] = 0;
    if (!named(path) || offset < 0) return -1;
    off_t end = atoll(at);
    if (offset >= end) return 0;
    return (size_t)(end - offset) < size ? end - offset : (ssize_t)size;
}

ssize_t read(int fd, void *buffer, size_t size) {
    static ssize_t (*real)(int, void *, size_t);
    if (!real) real = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
    ssize_t most = size ? allowed(fd, lseek(fd, 0, SEEK_CUR), size) : -1;
    if (!most) {
        errno = fault();
        return -1;
    }
    return real(fd, buffer, most < 0 ? size : (size_t)most);
}

static int opening(const char *path) {
    static int times;
    const char *wanted = getenv("FAULT_OPEN");
    if (!wanted || !path || !named(path) || ++times < atoi(wanted)) return 0;
    errno = fault();
    return 1;
}

int open64(const char *path, int flags, ...) {
    static int (*real)(const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    return opening(path) ? -1 : real(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    static int (*real)(const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    return opening(path) ? -1 : real(path, flags, mode);
}
