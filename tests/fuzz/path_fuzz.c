/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of proxy/path: what parses stays within its bounds, holds no control, and parses
 * again to itself; every shorter cut fails, and bytes behind the '>' change nothing.
 */
#include "proxy/path.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

static void check_struct(const struct path *p)
{
    size_t len = strnlen(p->text, sizeof(p->text));

    require(len < sizeof(p->text));
    for (size_t i = 0; i < len; i++)
        require((unsigned char)p->text[i] >= ' ' && p->text[i] != 0x7f);
    require(p->local_len <= PATH_LOCAL_MAX && p->local_len <= len);
    require(p->null == (len == 0));
    require(strlen(path_domain(p)) <= PATH_DOMAIN_MAX);
    require(p->null || p->bare || p->text[p->local_len] == '@');
    require(p->literal == (path_domain(p)[0] == '['));
    require(p->quoted == (p->text[0] == '"'));
}

static void check_again(const struct path *p, bool sender)
{
    char text[PATH_MAX_TEXT + 2];
    size_t len = strlen(p->text);
    struct path again;
    size_t used;

    text[0] = '<';
    memcpy(text + 1, p->text, len);
    text[len + 1] = '>';
    require(path_parse(text, len + 2, sender, &again, &used) == PATH_OK);
    require(used == len + 2);
    require(memcmp(&again, p, sizeof(again)) == 0);
}

static void check_cuts(const char *text, size_t len, bool sender)
{
    struct path p;
    size_t used;

    for (size_t cut = 0; cut < len; cut++)
        require(path_parse(text, cut, sender, &p, &used) != PATH_OK && used == 0);
}

static void parse(const char *text, size_t len, bool sender)
{
    struct path p;
    struct path exact;
    size_t used;

    if (path_parse(text, len, sender, &p, &used) != PATH_OK) {
        require(used == 0 && p.text[0] == '\0' && p.local_len == 0);
        return;
    }
    require(used <= len && used > 0 && text[used - 1] == '>');
    check_struct(&p);
    check_again(&p, sender);
    check_cuts(text, used, sender);
    require(path_parse(text, used, sender, &exact, &used) == PATH_OK);
    require(memcmp(&exact, &p, sizeof(p)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;

    parse(text, size, true);
    parse(text, size, false);
    if (path_helo_ok(text, size))
        require(size > 0 && size <= PATH_DOMAIN_MAX && memchr(text, ' ', size) == NULL);
    return 0;
}
