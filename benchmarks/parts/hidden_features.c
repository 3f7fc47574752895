/* Hides a processor's wide vectors from a library whose cpuid instructions were replaced by ud2.
 *
 * Each ud2 raises SIGILL; here cpuid is executed in its place, and what it says of wide vectors is
 * taken away: with HIDDEN=512 all of AVX-512, VNNI and AMX, with HIDDEN=256 of AVX and AVX2 too.
 *
 *   gcc -shared -fPIC -O1 -o hidden.so hidden_features.c
 *   LD_PRELOAD=hidden.so HIDDEN=512 PROGRAM
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define BIT(n) (1u << (n))

static int keeps_256;

static void answer(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *code = (const unsigned char *)registers[REG_RIP];
    uint32_t leaf = registers[REG_RAX], sub = registers[REG_RCX], a, b, c, d;
    (void)number, (void)info;
    if (code[0] != 0x0f || code[1] != 0x0b) {
        signal(SIGILL, SIG_DFL); /* not ours: it ends as it would have */
        return;
    }
    __asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(leaf), "c"(sub));
    if (leaf == 7 && sub == 0) {
        /* AVX-512 F, DQ, IFMA, PF, ER, CD, BW, VL */
        b &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));
        /* VBMI, VBMI2, GFNI, VAES, VPCLMULQDQ, VNNI, BITALG, VPOPCNTDQ */
        c &= ~(BIT(1) | BIT(6) | BIT(8) | BIT(9) | BIT(10) | BIT(11) | BIT(12) | BIT(14));
        /* 4VNNIW, 4FMAPS, VP2INTERSECT, AMX-BF16, AVX512-FP16, AMX-TILE, AMX-INT8 */
        d &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25));
        if (!keeps_256)
            b &= ~BIT(5); /* AVX2 */
    }
    if (leaf == 7 && sub == 1)
        a = b = c = d = 0; /* AVX-VNNI and later ones */
    if (leaf == 1 && !keeps_256)
        c &= ~(BIT(12) | BIT(26) | BIT(27) | BIT(28) | BIT(29)); /* FMA, XSAVE, AVX, F16C */
    registers[REG_RAX] = a, registers[REG_RBX] = b, registers[REG_RCX] = c, registers[REG_RDX] = d;
    registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void begin(void)
{
    const char *hidden = getenv("HIDDEN");
    struct sigaction action = {0};
    keeps_256 = hidden != NULL && strcmp(hidden, "512") == 0;
    action.sa_sigaction = answer;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGILL, &action, NULL);
}
