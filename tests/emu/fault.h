/* fault.h -- how work of the emulated GPU fails, as a test has told it (emu.h), for tests/emu/. */
#ifndef FN_TESTS_EMU_FAULT_H
#define FN_TESTS_EMU_FAULT_H

#ifdef __cplusplus
extern "C" {
#endif

/* Called for each launch, convolution and product, for a wait, and for anything else: 0, or an
 * error for fn_device_check. */
int fn_emu_work(void);
int fn_emu_wait(void);
int fn_emu_state(void);

#ifdef __cplusplus
}
#endif

#endif
