#include "fuzz_tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    use(data, size, "fuzz.gguf");
    return 0;
}
