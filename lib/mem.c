/* SPDX-License-Identifier: ISC */
/*
 * mem: allocation that never returns NULL.
 *
 * Out of memory ends the process with a message. That is the safe answer here: Gatepost has no
 * queue and a client holds no 250 that the backend did not give, so a stop loses no mail, while
 * code that limps on after a failed allocation is the code nobody has tested. What peers can make
 * us allocate is bounded elsewhere (limits in the configuration).
 */
#include "lib/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* glibc's calloc passes by the thread's own cache of freed blocks (before 2.41): for what this
 * cache holds malloc and memset are quicker. */
#define SMALL 1024

static void *checked(void *memory)
{
    if (memory == NULL) {
        static const char text[] = "gatepost: out of memory, stopping\n";
        fwrite(text, 1, sizeof text - 1, stderr);
        abort();
    }
    return memory;
}

void *mem_alloc(size_t size)
{
    if (size > SMALL)
        return checked(calloc(1, size));
    void *memory = checked(malloc(size != 0 ? size : 1));
    __asm__("" : "+r"(memory)); /* else the compiler makes a calloc of the two again */
    return memset(memory, 0, size);
}

void *mem_grow(void *old, size_t count, size_t size)
{
    return checked(reallocarray(old, count != 0 ? count : 1, size));
}

char *mem_strdup(const char *text)
{
    return text != NULL ? checked(strdup(text)) : NULL;
}

char *mem_strndup(const char *text, size_t len)
{
    char *copy = checked(malloc(len + 1));
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *mem_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    return checked(len < 0 ? NULL : text);
}
