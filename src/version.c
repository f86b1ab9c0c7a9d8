#include "clarus.h"

#define TEXT(x) #x
#define VERSION(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *clarus_version(void)
{
    return VERSION(CLARUS_VERSION_MAJOR, CLARUS_VERSION_MINOR, CLARUS_VERSION_PATCH);
}

int clarus_numerics_version(void)
{
    return 3;
}
