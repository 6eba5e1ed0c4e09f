/* libnvidia-ml.so.1 of a machine with 16 busy GPUs, 20 processes on each, as cheap as a driver can be.
 *
 *   gcc -O2 -shared -fPIC -Wl,-soname,libnvidia-ml.so.1 -o libnvidia-ml.so.1 gpu_driver.c
 *
 * GPU_DRIVER_PIDS names a file of process ids, one a line: the first 20 are on the first GPU, and so on.
 * GPU_DRIVER_CALLS names a file of CALLS 64-bit counters: how often each function was called.
 * gpu_driver_replay(counters, times) calls each function so often and returns the CPU nanoseconds of one time: what the
 * driver itself cost. Structures and numbers as in NVIDIA's public NVML API reference.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef int ret_t;
typedef unsigned u32;
typedef unsigned long long u64;
enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7 };
enum { GPUS = 16, EACH = 20, WATTS = 400, PERIOD_US = 1000000 / 6 };
enum { ENERGY, POWER, MIG, COMPUTE, GRAPHICS, MPS, ROWS, RATES, ENGINE, FIELDS, OTHER, CALLS };

typedef struct { u32 pid; u64 memory; u32 gpu_instance, compute_instance; } process_t;
typedef struct { u32 pid; u64 time; u32 sm, mem, enc, dec; } row_t;
typedef struct {
    u32 id, scope; long long time, latency; int type, ret;
    union { double d; u32 ui; u64 ull; } value;
} field_value_t;

static char handles[GPUS];
static u32 pids[GPUS][EACH];
static u64 nowhere[CALLS], *calls = nowhere;

#define COUNT(what) __atomic_fetch_add(&calls[what], 1, __ATOMIC_RELAXED)
#define GPU(what) COUNT(what); long g = (char *)handle - handles; if (g < 0 || g >= GPUS) return INVALID

static u64 now_us(void) {
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

ret_t nvmlInitWithFlags(u32 flags) {
    const char *path = getenv("GPU_DRIVER_PIDS");
    FILE *file = path ? fopen(path, "r") : NULL;
    (void)flags;
    for (int i = 0; file && i < GPUS * EACH && fscanf(file, "%u", &pids[i / EACH][i % EACH]) == 1; i++)
        ;
    if (file) fclose(file);
    int counted = (path = getenv("GPU_DRIVER_CALLS")) ? open(path, O_RDWR) : -1;
    if (counted >= 0) {
        void *shared = mmap(NULL, sizeof nowhere, PROT_READ | PROT_WRITE, MAP_SHARED, counted, 0);
        if (shared != MAP_FAILED) calls = shared;
        close(counted);
    }
    return OK;
}
ret_t nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
ret_t nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(ret_t r) { (void)r; return "an error"; }
ret_t nvmlDeviceGetCount_v2(u32 *count) { COUNT(OTHER); *count = GPUS; return OK; }
ret_t nvmlDeviceGetHandleByIndex_v2(u32 index, void **handle) {
    COUNT(OTHER);
    if (index >= GPUS) return INVALID;
    *handle = &handles[index];
    return OK;
}
ret_t nvmlDeviceGetUUID(void *handle, char *uuid, u32 length) {
    GPU(OTHER); snprintf(uuid, length, "GPU-00000000-0000-0000-0000-%012ld", g); return OK;
}
ret_t nvmlDeviceGetName(void *handle, char *name, u32 length) {
    GPU(OTHER); snprintf(name, length, "NVIDIA H100 80GB HBM3"); return OK;
}
ret_t nvmlDeviceGetMemoryInfo(void *handle, u64 *memory) {
    GPU(OTHER); memory[0] = 80ULL << 30; memory[1] = memory[2] = 40ULL << 30; return OK;
}
ret_t nvmlDeviceGetEnforcedPowerLimit(void *handle, u32 *mw) { GPU(OTHER); *mw = 700000; return OK; }
ret_t nvmlDeviceGetPowerManagementLimitConstraints(void *handle, u32 *least, u32 *most) {
    GPU(OTHER); *least = 200000; *most = 700000; return OK;
}
ret_t nvmlDeviceGetTotalEnergyConsumption(void *handle, u64 *mj) {
    GPU(ENERGY); *mj = now_us() % (1ULL << 40) * WATTS / 1000; return OK;
}
ret_t nvmlDeviceGetPowerUsage(void *handle, u32 *mw) { GPU(POWER); *mw = WATTS * 1000; return OK; }
ret_t nvmlDeviceGetMigMode(void *handle, u32 *now, u32 *next) { GPU(MIG); *now = *next = 0; return OK; }
ret_t nvmlDeviceGetComputeRunningProcesses_v3(void *handle, u32 *count, process_t *out) {
    GPU(COMPUTE);
    u32 room = *count;
    *count = EACH;
    if (room < EACH || !out) return TOO_SMALL;
    for (int i = 0; i < EACH; i++) out[i] = (process_t){pids[g][i], 1 << 30, ~0u, ~0u};
    return OK;
}
ret_t nvmlDeviceGetGraphicsRunningProcesses_v3(void *handle, u32 *count, process_t *out) {
    GPU(GRAPHICS); (void)out; *count = 0; return OK;
}
ret_t nvmlDeviceGetMPSComputeRunningProcesses_v3(void *handle, u32 *count, process_t *out) {
    GPU(MPS); (void)out; *count = 0; return OK;
}
/* One row per process: the mean of the periods since the last one asked for, as drivers give. */
ret_t nvmlDeviceGetProcessUtilization(void *handle, row_t *out, u32 *count, u64 since) {
    GPU(ROWS);
    u64 newest = now_us() / PERIOD_US * PERIOD_US;
    u32 room = *count;
    if (newest <= since) { *count = 0; return NOT_FOUND; }
    *count = EACH;
    if (room < EACH || !out) return TOO_SMALL;
    for (int i = 0; i < EACH; i++) out[i] = (row_t){pids[g][i], newest, 3 + i % 4, 10, 0, 0};
    return OK;
}
ret_t nvmlDeviceGetUtilizationRates(void *handle, u32 *rates) { GPU(RATES); rates[0] = 90; rates[1] = 50; return OK; }
static ret_t engine(void *handle, u32 *percent, u32 *period) { GPU(ENGINE); *percent = 0; *period = 100000; return OK; }
ret_t nvmlDeviceGetEncoderUtilization(void *h, u32 *percent, u32 *period) { return engine(h, percent, period); }
ret_t nvmlDeviceGetDecoderUtilization(void *h, u32 *percent, u32 *period) { return engine(h, percent, period); }
ret_t nvmlDeviceGetJpgUtilization(void *h, u32 *percent, u32 *period) { return engine(h, percent, period); }
ret_t nvmlDeviceGetOfaUtilization(void *h, u32 *percent, u32 *period) { return engine(h, percent, period); }
ret_t nvmlDeviceGetFieldValues(void *handle, int count, field_value_t *values) {
    GPU(FIELDS);
    for (int i = 0; i < count; i++) {
        int here = values[i].scope == 0 && (values[i].id == 185 || values[i].id == 186);
        values[i].ret = here ? OK : NOT_SUPPORTED;
        values[i].type = 1;
        values[i].value.ui = WATTS * 1000;
    }
    return OK;
}

u64 gpu_driver_replay(const u64 *counted, int times) {
    static process_t processes[2 * EACH];
    static row_t rows[2 * EACH];
    field_value_t field = {186, 0, 0, 0, 0, 0, {0}};
    struct timespec a, b;
    u32 x, y[2];
    u64 mj;
    calls = nowhere;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    for (int time = 0; time < times; time++)
        for (int what = 0; what < OTHER; what++)
            for (u64 i = 0; i < counted[what]; i++) {
                void *handle = &handles[i % GPUS];
                x = 2 * EACH;
                if (what == ENERGY) nvmlDeviceGetTotalEnergyConsumption(handle, &mj);
                else if (what == POWER) nvmlDeviceGetPowerUsage(handle, &x);
                else if (what == MIG) nvmlDeviceGetMigMode(handle, y, y + 1);
                else if (what == COMPUTE) nvmlDeviceGetComputeRunningProcesses_v3(handle, &x, processes);
                else if (what == GRAPHICS) nvmlDeviceGetGraphicsRunningProcesses_v3(handle, &x, processes);
                else if (what == MPS) nvmlDeviceGetMPSComputeRunningProcesses_v3(handle, &x, processes);
                else if (what == ROWS) nvmlDeviceGetProcessUtilization(handle, rows, &x, 0);
                else if (what == RATES) nvmlDeviceGetUtilizationRates(handle, y);
                else if (what == ENGINE) nvmlDeviceGetEncoderUtilization(handle, &x, y);
                else if (what == FIELDS) nvmlDeviceGetFieldValues(handle, 1, &field);
            }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    return ((b.tv_sec - a.tv_sec) * 1000000000ULL + b.tv_nsec - a.tv_nsec) / times;
}
