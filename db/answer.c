/* SPDX-License-Identifier: ISC */
/*
 * answer: what an answer under construction owns.
 *
 * Promises: all texts and the items live until db_answer_clear(), whatever is added later; a text
 * never moves. After it the answer is as new.
 */
#include "db/db_int.h"

#include "lib/mem.h"

#include <stdlib.h>

#define FIRST_ROOM 16

void db_answer_clear(struct db_answer *answer)
{
    for (size_t i = 0; i < answer->strings; i++)
        free(answer->string[i]);
    free(answer->string);
    free(answer->items);
    *answer = (struct db_answer){0};
}

const char *db_answer_text(struct db_answer *answer, const unsigned char *text)
{
    if (text == NULL || text[0] == '\0')
        return "";
    if (answer->strings == answer->room) {
        answer->room = answer->room > 0 ? 2 * answer->room : FIRST_ROOM;
        answer->string = mem_grow(answer->string, answer->room, sizeof *answer->string);
    }
    char *copy = mem_strdup((const char *)text);
    answer->string[answer->strings++] = copy;
    return copy;
}
