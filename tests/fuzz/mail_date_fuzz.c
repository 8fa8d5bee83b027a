/* SPDX-License-Identifier: ISC */
/* mail_date_fuzz: any text as a date: what is read lies between the years 1900 and 9999, and blanks
 * and comments around it change nothing. */
#include "lib/mail_date.h"

#include "lib/buf.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool truth)
{
    if (!truth)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    int64_t seconds;
    int64_t again;
    if (!mail_date_parse(text, size, &seconds))
        return 0;
    expect(seconds > -2209500000 && seconds < 253403000000);
    struct buf more = {0};
    buf_add_str(&more, "\t(a (\\)) b)\r\n ");
    buf_add(&more, text, size);
    buf_add_str(&more, "(c)\r\n\t");
    expect(mail_date_parse(buf_data(&more), buf_len(&more), &again) && again == seconds);
    buf_add_str(&more, "(");
    expect(!mail_date_parse(buf_data(&more), buf_len(&more), &again));
    buf_free(&more);
    return 0;
}
