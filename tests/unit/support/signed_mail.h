/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_SIGNED_MAIL_H
#define TESTS_UNIT_SUPPORT_SIGNED_MAIL_H
/*
 * A message that python3-dkim (dkimpy) has signed as example.com by RSA (relaxed/simple) and
 * Ed25519 (simple/relaxed), and has sealed as l.example (ARC), in parts; and the DNS that says so,
 * a line each. The keys are for this message only.
 */

#include <stdint.h>

#define SIGNED_MAIL_TIME INT64_C(1795000000) /* t= */

static const char signed_mail_arc[] =
    "ARC-Seal: i=1; cv=none; a=rsa-sha256; d=l.example; s=arc; t=1795000000;\r\n"
    " b=SLBeyw8FGj2bxeEOPI4OLlBvKWvzZXyWWipqsx+DBsdQjfEM6QPEj2aRT8QlNDqmLtIea\r\n"
    " sDtYlXYOVaw7E48VEA1jReo2qqpGl+YFSFKgHKnPKwGPCPvh/mTWTOBBI1oIsJ6Irt+a2Qt\r\n"
    " QFbJyaK/lRw2wbgh2oXS7tD2xM0sKVY=\r\n"
    "ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=l.example;\r\n"
    " s=arc; t=1795000000; h=from : to : subject : date : message-id;\r\n"
    " bh=y/lfCxqq7/FPOJznJ0nT5dosJacejM2G6x69l2IS3+w=;\r\n"
    " b=paqHX2PTOxYWqwvoiP0TcBzut7GTFKGq9PDNXpYSJd/qM9+O2ifLqyhqzon7Bf1BOGJCF\r\n"
    " PN/Hls576Xg8FUSoDI1JznPiriRxzoS5u6Gmy7txx34/9u7DCZZ6UUEonzRj/K0h5tMK5kt\r\n"
    " rOwNOnFYwh3NtO220YCDsed/asFEJzc=\r\n"
    "ARC-Authentication-Results: i=1; l.example; dkim=pass header.d=example.com\r\n"
    "Authentication-Results: l.example; dkim=pass header.d=example.com\r\n";

static const char signed_mail_dkim[] =
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example.com;\r\n"
    " i=@example.com; q=dns/txt; s=rsa; t=1795000000; h=from : to : subject\r\n"
    " : date : message-id : from;\r\n"
    " bh=rrVqqvMpGucp9W4yQ0iaRfBPH1sQeks6+/h2A9ld0ns=;\r\n"
    " b=DUCmF50gAIhWo3XKgJhQPL17AIRYhFdANWRgrDgDAbludR2toPYvpuH0PGZj1sXaMPDnx\r\n"
    " zuaUaYvQvjxyQ3qpKd9GeQR4DztAwrpIuJdDqMR5jPPieDXWpw3rYs4bvHpYUnACa4o0Pnl\r\n"
    " xgSrhT1TtuTASwuS7T1fZ1D+RAxk6n0=\r\n"
    "DKIM-Signature: v=1; a=ed25519-sha256; c=simple/relaxed; d=example.com;\r\n"
    " i=@example.com; q=dns/txt; s=ed; t=1795000000; h=from : to : subject :\r\n"
    " date : message-id; bh=y/lfCxqq7/FPOJznJ0nT5dosJacejM2G6x69l2IS3+w=;\r\n"
    " b=ro16/SabXAa8NbY2iM+ikXHnQAtjMcvODMQI7t9GY4jFT7Zmv1TnxMlb8w/lk97O9+Xo+\r\n"
    " dfxX8j4WBNA4+bKAQ==\r\n";

static const char signed_mail_fields[] = "From: Joe <joe@example.com>\r\n"
                                         "To: ann@example.org\r\n"
                                         "Subject: Is dinner\r\n"
                                         " ready?\r\n"
                                         "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
                                         "Message-ID: <1@mail.example.com>\r\n"
                                         "\r\n";

static const char signed_mail_body[] = "Hi.\r\n"
                                       "\r\n"
                                       ".We lost  the game. \r\n"
                                       "\r\n"
                                       "Joe.\r\n"
                                       "\r\n";

static const char signed_mail_dns[] =
    "TXT rsa._domainkey.example.com v=DKIM1; k=rsa; "
    "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCnboOeGq9TnjCht/"
    "fN85lB5+2I3AAygmrfyCFd1zoO4GzZGNmko4pHu+rYqdv57OCqfYMqQAvf8Z4JUirBXeCgR3xBF+"
    "Fc3BSDaGhbjt6jq3Q4qAF3+IGvdTo81IA8Ou4nyv/ZEn3YKn0v1VQ1q1W/UiD6KaFjwA2zaqGSp2R5NwIDAQAB\n"
    "TXT ed._domainkey.example.com v=DKIM1; k=ed25519; "
    "p=A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n"
    "TXT arc._domainkey.l.example v=DKIM1; k=rsa; "
    "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCnboOeGq9TnjCht/"
    "fN85lB5+2I3AAygmrfyCFd1zoO4GzZGNmko4pHu+rYqdv57OCqfYMqQAvf8Z4JUirBXeCgR3xBF+"
    "Fc3BSDaGhbjt6jq3Q4qAF3+IGvdTo81IA8Ou4nyv/ZEn3YKn0v1VQ1q1W/UiD6KaFjwA2zaqGSp2R5NwIDAQAB\n";

#endif
