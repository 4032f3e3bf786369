package heart

// utimeNow is UTIME_NOW of <sys/stat.h>: in place of nanoseconds it means the
// present time.
const utimeNow = 1<<30 - 1
