/* memory.c - memory of the machine and of this process, as the kernel counts it. */
#include "base/platform/macos/facts.h"
#include "base/platform/system.h"
#include <mach/mach.h>
#include <sys/resource.h>

size_t system_memory(void) { return (size_t)kernel_number("hw.memsize"); }

/* Pages that are free, and those that no program has used for a while. */
size_t system_memory_available(void)
{
    vm_statistics64_data_t pages;
    mach_msg_type_number_t n = HOST_VM_INFO64_COUNT;
    const mach_port_t host = mach_host_self();
    const int failed = host_statistics64(host, HOST_VM_INFO64, (host_info64_t)&pages, &n);
    mach_port_deallocate(mach_task_self(), host);
    if (failed) return system_memory() ? system_memory() : SIZE_MAX;
    return ((size_t)pages.free_count + pages.inactive_count) * (size_t)vm_kernel_page_size;
}

size_t system_memory_peak(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (size_t)u.ru_maxrss; /* bytes, where Linux counts kilobytes */
}

size_t system_memory_resident(void)
{
    mach_task_basic_info_data_t task;
    mach_msg_type_number_t n = MACH_TASK_BASIC_INFO_COUNT;
    if (task_info(mach_task_self(), MACH_TASK_BASIC_INFO, (task_info_t)&task, &n)) return system_memory_peak();
    return (size_t)task.resident_size;
}

/* Apple's processors have a cache of the whole chip, of which the system says nothing. */
size_t system_cache(void) { return (size_t)kernel_number("hw.l3cachesize"); }
