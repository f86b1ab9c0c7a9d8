/* Values as strided views: every launcher writes the axes of its views into a table of ints. */

/* Element `index`, in row-major order of the axes, of a view: axes holds `rank` times a dimension followed by the strides
 * of `views` views; `which` of them is asked for. */
inline int strided_at(__global const int *axes, int rank, int views, int which, int index)
{
    int place = 0;
    for (int k = rank - 1; k >= 0; k--) {
        __global const int *axis = axes + k * (1 + views);
        place += index % axis[0] * axis[1 + which];
        index /= axis[0];
    }
    return place;
}
