/* SPDX-License-Identifier: ISC */
/*
 * Asks policy/org_domain from outside: one name a line on stdin; one organisational domain a line
 * on stdout, or "null".
 */
#include "policy/org_domain.h"

#include <stdio.h>
#include <string.h>

int main(void)
{
    char line[1024];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        const char *domain = org_domain(line);
        puts(domain != NULL ? domain : "null");
    }
    return 0;
}
