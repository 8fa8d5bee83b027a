/* SPDX-License-Identifier: ISC */
/*
 * pseudonym_keys: the ring of keys, and the file that holds it.
 *
 * The file is text: "standing HEX", then "key BORN HEX" a line, the oldest first; BORN in seconds
 * since the epoch. It is written beside itself and renamed, so that it is whole at any time.
 *
 * Promises: a key that has ended is overwritten in memory and not in the file any more. One that is
 * new serves at once, though the file cannot be written; it is tried again with every turn.
 *
 * Limits: what a file system keeps of a file that was replaced is its own. Writing is a few octets
 * on main's loop, once each `rotate`.
 */
#include "policy/pseudonym_keys.h"

#include "lib/buf.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "pseudonym.keys"
#define HEX_LEN   (2 * MAC_KEY_SIZE)
#define FILE_MOST 16384

struct ring_key {
    struct mac_key key;
    int64_t born; /* it serves until the next one is */
};

struct pseudonym_keys {
    atomic_int mode; /* enum pseudonym_mode */
    /* Main's. */
    struct pseudonym_rule rule;
    char *path;           /* NULL: in memory only */
    bool unsaved;         /* the file is older */
    bool told;            /* and that was said */
    bool filters;         /* it is the log's filter */
    pthread_mutex_t lock; /* guards what follows; main alone changes it */
    bool has_standing;
    struct mac_key standing;
    size_t count;
    struct ring_key ring[PSEUDONYM_KEYS_MOST]; /* the oldest first */
};

struct pseudonym_keys *pseudonym_keys_new(void)
{
    struct pseudonym_keys *keys = mem_alloc(sizeof *keys);
    pthread_mutex_init(&keys->lock, NULL);
    return keys;
}

void pseudonym_keys_free(struct pseudonym_keys *keys)
{
    if (keys == NULL)
        return;
    if (keys->filters)
        log_filter(NULL, NULL);
    pthread_mutex_destroy(&keys->lock);
    explicit_bzero(&keys->standing, sizeof keys->standing);
    explicit_bzero(keys->ring, sizeof keys->ring);
    free(keys->path);
    free(keys);
}

/* ---- the file -----------------------------------------------------------------------------------
 */

static bool read_key(const char *hex, struct mac_key *out)
{
    return strlen(hex) == HEX_LEN && str_hex_decode(out->octet, MAC_KEY_SIZE, hex, HEX_LEN);
}

static bool read_line(struct pseudonym_keys *keys, const char *line)
{
    char hex[HEX_LEN + 2];
    int64_t born;
    if (sscanf(line, "standing %65s", hex) == 1) {
        keys->has_standing = read_key(hex, &keys->standing);
        return keys->has_standing;
    }
    if (sscanf(line, "key %" SCNd64 " %65s", &born, hex) != 2 || keys->count == PSEUDONYM_KEYS_MOST)
        return false;
    struct ring_key *key = &keys->ring[keys->count];
    key->born = born;
    if (!read_key(hex, &key->key) || (keys->count > 0 && born < key[-1].born))
        return false;
    keys->count++;
    return true;
}

static bool read_all(struct pseudonym_keys *keys, FILE *file)
{
    char line[128];
    while (fgets(line, sizeof line, file) != NULL) {
        if (!read_line(keys, line))
            return false;
    }
    return !ferror(file) && keys->has_standing;
}

bool pseudonym_keys_open(struct pseudonym_keys *keys, const char *directory, char **why)
{
    char *path = mem_printf("%s/" FILE_NAME, directory);
    FILE *file = fopen(path, "re");
    bool fine = file == NULL && errno == ENOENT;
    *why = NULL;
    if (file != NULL) {
        pthread_mutex_lock(&keys->lock);
        fine = read_all(keys, file);
        if (!fine) {
            keys->has_standing = false;
            keys->count = 0;
        }
        pthread_mutex_unlock(&keys->lock);
        fclose(file);
    }
    if (fine)
        keys->path = path;
    else
        *why = mem_printf("%s: %s; pseudonyms last until the end of this process", path,
                          file == NULL ? strerrordesc_np(errno) : "not a file of keys");
    if (!fine)
        free(path);
    return fine;
}

static void put_hex(struct buf *out, const struct mac_key *key)
{
    for (size_t i = 0; i < MAC_KEY_SIZE; i++)
        buf_printf(out, "%02x", key->octet[i]);
    buf_add_str(out, "\n");
}

static bool write_file(const char *path, const struct buf *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    ssize_t size = (ssize_t)buf_len(text);
    bool fine = write(fd, buf_data(text), buf_len(text)) == size && fsync(fd) == 0;
    return close(fd) == 0 && fine;
}

/* Main's, and main alone changes the ring: no lock. */
static bool save(struct pseudonym_keys *keys)
{
    struct buf text = {0};
    char *beside = mem_printf("%s.new", keys->path);
    buf_add_str(&text, "standing ");
    put_hex(&text, &keys->standing);
    for (size_t i = 0; i < keys->count; i++) {
        buf_printf(&text, "key %" PRId64 " ", keys->ring[i].born);
        put_hex(&text, &keys->ring[i].key);
    }
    bool fine = write_file(beside, &text) && rename(beside, keys->path) == 0;
    int error = errno;
    if (!fine)
        unlink(beside);
    errno = error;
    if (text.data != NULL)
        explicit_bzero(text.data, text.cap);
    buf_free(&text);
    free(beside);
    return fine;
}

/* ---- time ---------------------------------------------------------------------------------------
 */

static void destroy_oldest(struct pseudonym_keys *keys)
{
    keys->count--;
    memmove(&keys->ring[0], &keys->ring[1], keys->count * sizeof keys->ring[0]);
    explicit_bzero(&keys->ring[keys->count], sizeof keys->ring[0]);
    keys->unsaved = true;
}

/* The oldest made nothing since the next was born, or, switched off, since its own time was over.
 */
static bool oldest_ended(const struct pseudonym_keys *keys, int64_t now)
{
    const struct pseudonym_rule *rule = &keys->rule;
    if (keys->count == 0 || (keys->count == 1 && rule->mode != PSEUDONYMS_OFF))
        return false;
    int64_t until = keys->count > 1 ? keys->ring[1].born : keys->ring[0].born + rule->rotate;
    return now >= until + rule->keep;
}

static void draw(struct pseudonym_keys *keys, int64_t now)
{
    if (!keys->has_standing)
        mac_key_new(&keys->standing);
    keys->has_standing = true;
    if (keys->count == PSEUDONYM_KEYS_MOST)
        destroy_oldest(keys);
    mac_key_new(&keys->ring[keys->count].key);
    keys->ring[keys->count++].born = now;
    keys->unsaved = true;
}

/* A clock that was set back draws none until it has come up again. */
static bool is_time(const struct pseudonym_keys *keys, int64_t now)
{
    return keys->rule.mode != PSEUDONYMS_OFF &&
           (keys->count == 0 || now >= keys->ring[keys->count - 1].born + keys->rule.rotate);
}

static void advance(struct pseudonym_keys *keys, int64_t now)
{
    pthread_mutex_lock(&keys->lock);
    if (is_time(keys, now))
        draw(keys, now);
    while (oldest_ended(keys, now))
        destroy_oldest(keys);
    pthread_mutex_unlock(&keys->lock);
}

/* A log_filter_fn. */
static bool disguise_log(void *arg, const char *text, size_t len, struct buf *out)
{
    struct pseudonym_keys *keys = arg;
    struct mac_key key;
    if (pseudonym_keys_mode(keys) != PSEUDONYMS_ALL || !pseudonym_likely(text, len) ||
        !pseudonym_keys_newest(keys, &key))
        return false;
    pseudonym_text(&key, text, len, out);
    return true;
}

void pseudonym_keys_configure(struct pseudonym_keys *keys, const struct pseudonym_rule *rule,
                              int64_t now)
{
    keys->rule = *rule;
    advance(keys, now); /* before anybody looks for a key */
    atomic_store(&keys->mode, (int)rule->mode);
    keys->filters = rule->mode == PSEUDONYMS_ALL;
    log_filter(keys->filters ? disguise_log : NULL, keys);
}

bool pseudonym_keys_turn(struct pseudonym_keys *keys, int64_t now, char **why)
{
    *why = NULL;
    advance(keys, now);
    if (!keys->unsaved || keys->path == NULL)
        return true;
    keys->unsaved = !save(keys);
    if (keys->unsaved && !keys->told)
        *why = mem_printf("%s: %s; pseudonyms change with a restart", keys->path,
                          strerrordesc_np(errno));
    keys->told = keys->unsaved;
    return !keys->unsaved;
}

/* ---- asking -------------------------------------------------------------------------------------
 */

enum pseudonym_mode pseudonym_keys_mode(struct pseudonym_keys *keys)
{
    if (keys == NULL)
        return PSEUDONYMS_OFF;
    return (enum pseudonym_mode)atomic_load_explicit(&keys->mode, memory_order_relaxed);
}

bool pseudonym_keys_newest(struct pseudonym_keys *keys, struct mac_key *out)
{
    if (keys == NULL)
        return false;
    pthread_mutex_lock(&keys->lock);
    bool any = keys->count > 0;
    if (any)
        *out = keys->ring[keys->count - 1].key;
    pthread_mutex_unlock(&keys->lock);
    return any;
}

bool pseudonym_keys_standing(struct pseudonym_keys *keys, struct mac_key *out)
{
    if (keys == NULL)
        return false;
    pthread_mutex_lock(&keys->lock);
    bool any = keys->has_standing;
    if (any)
        *out = keys->standing;
    pthread_mutex_unlock(&keys->lock);
    return any;
}

size_t pseudonym_keys_living(struct pseudonym_keys *keys,
                             struct mac_key out[static PSEUDONYM_KEYS_MOST])
{
    if (keys == NULL)
        return 0;
    pthread_mutex_lock(&keys->lock);
    size_t count = keys->count;
    for (size_t i = 0; i < count; i++)
        out[i] = keys->ring[count - 1 - i].key;
    pthread_mutex_unlock(&keys->lock);
    return count;
}

static bool kept_key(struct pseudonym_keys *keys, struct mac_key *out)
{
    return pseudonym_keys_mode(keys) != PSEUDONYMS_OFF && pseudonym_keys_standing(keys, out);
}

const char *pseudonym_kept_mailbox(struct pseudonym_keys *keys, const char *address,
                                   char out[static PSEUDONYM_MAILBOX_SIZE])
{
    struct mac_key key;
    if (kept_key(keys, &key))
        return pseudonym_mailbox(&key, address, out);
    snprintf(out, PSEUDONYM_MAILBOX_SIZE, "%s", address);
    return out;
}

const char *pseudonym_kept_client(struct pseudonym_keys *keys, const struct addr *client,
                                  char out[static ADDR_TEXT_MAX])
{
    struct mac_key key;
    struct addr pseudonym = *client;
    if (kept_key(keys, &key))
        pseudonym_client(&key, client, &pseudonym);
    return addr_ip_text(&pseudonym, out);
}
