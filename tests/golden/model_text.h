/* ONNX models written as a few lines of text, for tests that make their own.
 *
 *     opset  13                      20 without such a line
 *     input  NAME 1,64,14,14         float32; "-" is a scalar
 *     input  NAME 2,3 int8
 *     weight NAME 64,64,3,3          generated, deviation sqrt(2 / fan-in); one axis: 0.2 around 0
 *     scale  NAME 64                 generated, between 0.5 and 1.5
 *     ints   NAME 2 0,-1             an int64 list of that many values
 *     number NAME 0.5                a float32 scalar
 *     node   OP x,w,b y pads=1,1,1,1 mode=CRD alpha=0.5
 *     output NAME
 *
 * OP may have a domain before it: com.microsoft.QLinearAdd.
 * An attribute is an integer, a list where there is a comma ("axes=1,"), a float if it has a point, else a
 * string. The weights depend on their place and shape alone. */
#ifndef CLARUS_TEST_MODEL_TEXT_H
#define CLARUS_TEST_MODEL_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* The bytes of an .onnx file; NULL and a message on standard error if the text is wrong. The
 * caller frees them with free. */
void *model_text_pack(const char *text, size_t *size);

#endif
