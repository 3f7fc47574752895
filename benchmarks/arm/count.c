/* A plugin for QEMU's user-mode emulation that counts the guest's instructions.
 *
 * The guest marks a place in its run with the system call getsid, or another whose number is given.
 * At each mark the number of instructions executed so far is written to a file, one number a line.
 *
 *   gcc -shared -fPIC -O2 -o count.so count.c
 *   qemu-aarch64 -plugin count.so,out=counts.txt[,mark=NUMBER] PROGRAM
 *
 * Debian does not ship QEMU's plugin header, so what is used of the plugin interface (version 1,
 * QEMU 4.2 to 8.1) is declared here.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define GETSID 156 /* arm64's system call number */

typedef uint64_t plugin_id;
struct block; /* a translated stretch of straight-line code */
enum inline_operation { ADD_U64 };

extern size_t qemu_plugin_tb_n_insns(const struct block *);
extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id,
                                                  void (*)(plugin_id, struct block *));
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct block *, enum inline_operation,
                                                     void *, uint64_t);
extern void qemu_plugin_register_vcpu_syscall_cb(
    plugin_id, void (*)(plugin_id, unsigned, int64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                        uint64_t, uint64_t, uint64_t, uint64_t));

EXPORT int qemu_plugin_version = 1;

static uint64_t executed;
static int64_t mark = GETSID;
static FILE *out;

static void translated(plugin_id id, struct block *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &executed,
                                             qemu_plugin_tb_n_insns(block));
}

static void system_call(plugin_id id, unsigned cpu, int64_t number, uint64_t a1, uint64_t a2,
                        uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7,
                        uint64_t a8)
{
    (void)id, (void)cpu, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7,
        (void)a8;
    if (number == mark) {
        fprintf(out, "%" PRIu64 "\n", executed);
        fflush(out);
    }
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    if (argc < 1 || argc > 2 || strncmp(argv[0], "out=", 4) != 0 ||
        (argc == 2 && strncmp(argv[1], "mark=", 5) != 0)) {
        fprintf(stderr, "count: needs out=FILE, and takes mark=NUMBER\n");
        return -1;
    }
    if (argc == 2)
        mark = atoi(argv[1] + 5);
    out = fopen(argv[0] + 4, "w");
    if (out == NULL) {
        perror(argv[0] + 4);
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, system_call);
    return 0;
}
