package graph

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// summing are the operators that add elements up.
func summing(name string) (operator, bool) {
	switch name {
	case "MatMul":
		return operator{2, 2, matMul}, true
	case "Gemm":
		return operator{2, 3, gemm}, true
	case "ReduceMean":
		return operator{1, 2, func(c *call) (*Tensor, error) { return reduce(c, true) }}, true
	case "ReduceSum":
		return operator{1, 2, func(c *call) (*Tensor, error) { return reduce(c, false) }}, true
	case "Softmax":
		return operator{1, 1, softmax}, true
	case "LayerNormalization":
		return operator{2, 3, layerNormalization}, true
	}
	return operator{}, false
}

// matrix is a part of a list as a matrix.
func matrix(rows, cols int, data []float32) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: max(1, cols), Data: data[:rows*cols]}
}

// product writes a product of two matrices.
func product(out, a, b blas32.General) {
	if out.Rows > 0 && out.Cols > 0 && a.Cols > 0 {
		blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, a, b, 0, out)
	}
}

// matMul multiplies the last two dimensions; those before are repeated where they are 1.
func matMul(c *call) (*Tensor, error) {
	a, b := c.in[0], c.in[1]
	ra, rb := len(a.Shape), len(b.Shape)
	if a.kind != floats || b.kind != floats || ra < 2 || rb < 2 {
		return nil, errKinds
	}
	m, k, n := a.Shape[ra-2], a.Shape[ra-1], b.Shape[rb-1]
	if b.Shape[rb-2] != k {
		return nil, fmt.Errorf("%v and %v cannot be multiplied", a.Shape, b.Shape)
	}
	before, err := broadcast(a.Shape[:ra-2], b.Shape[:rb-2])
	if err != nil {
		return nil, err
	}
	t, err := made(floats, append(before, m, n))
	if err != nil {
		return nil, err
	}
	if int64(t.len())*int64(k) > maxProducts {
		return nil, errTooLarge
	}
	if rb == 2 { // all rows of a with the same matrix: at once
		all := t.len() / max(1, n)
		product(matrix(all, n, t.Floats), matrix(all, k, a.Floats), matrix(k, n, b.Floats))
		return t, nil
	}
	if t.len() == 0 {
		return t, nil
	}
	sa, sb := stretched(a.Shape[:ra-2], before), stretched(b.Shape[:rb-2], before)
	rows(append(slices.Clone(before), 1), func(at int, starts []int) {
		i, j := starts[0]*m*k, starts[1]*k*n
		product(matrix(m, n, t.Floats[at*m*n:]), matrix(m, k, a.Floats[i:]), matrix(k, n, b.Floats[j:]))
	}, append(sa, 0), append(sb, 0))
	return t, nil
}

// gemm is alpha A B + beta C, of two matrices that may be turned.
func gemm(c *call) (*Tensor, error) {
	a, b := c.in[0], c.in[1]
	if a.kind != floats || b.kind != floats || len(a.Shape) != 2 || len(b.Shape) != 2 {
		return nil, errKinds
	}
	ta, m, k := turned(c.numbers["transA"], a)
	tb, k2, n := turned(c.numbers["transB"], b)
	if k != k2 {
		return nil, fmt.Errorf("%v and %v cannot be multiplied", a.Shape, b.Shape)
	}
	t, err := made(floats, []int{m, n})
	if err != nil {
		return nil, err
	}
	if int64(t.len())*int64(k) > maxProducts {
		return nil, errTooLarge
	}
	if m > 0 && n > 0 && k > 0 {
		blas32.Gemm(ta, tb, c.float("alpha", 1), matrix(a.Shape[0], a.Shape[1], a.Floats), matrix(b.Shape[0], b.Shape[1], b.Floats), 0, matrix(m, n, t.Floats))
	}
	if len(c.in) < 3 || c.in[2] == nil {
		return t, nil
	}
	if shape, err := broadcast(t.Shape, c.in[2].Shape); err != nil || c.in[2].kind != floats || !slices.Equal(shape, t.Shape) {
		return nil, errKinds
	}
	beta := c.float("beta", 1)
	return both(t, c.in[2], floats, func(x, y float32) float32 { return x + beta*y })
}

func turned(turn int64, t *Tensor) (how blas.Transpose, rows, cols int) {
	if turn != 0 {
		return blas.Trans, t.Shape[1], t.Shape[0]
	}
	return blas.NoTrans, t.Shape[0], t.Shape[1]
}

// float is an attribute, or what it is where it is not written.
func (c *call) float(name string, otherwise float32) float32 {
	if v, ok := c.reals[name]; ok {
		return v
	}
	return otherwise
}

// reduce adds along axes, and divides by how many there were for a mean.
func reduce(c *call, mean bool) (*Tensor, error) {
	a := c.in[0]
	axes, err := c.axes(1)
	if err != nil {
		return nil, err
	}
	if a.kind == truths || a.kind == integers && mean {
		return nil, errKinds
	}
	if len(axes) == 0 {
		if c.numbers["noop_with_empty_axes"] != 0 {
			return a, nil
		}
		for i := range a.Shape {
			axes = append(axes, i)
		}
	}
	kept := slices.Clone(a.Shape)
	for _, x := range axes {
		if x, err = axis(x, len(kept)); err != nil {
			return nil, err
		}
		kept[x] = 1
	}
	t, err := made(a.kind, kept)
	if err != nil {
		return nil, err
	}
	if a.kind == floats {
		addUp(t, a, mean)
	} else {
		to := stretched(kept, a.Shape)
		rows(append(slices.Clone(a.Shape), 1), func(at int, starts []int) { t.whole[starts[0]] += a.whole[at] }, append(to, 0))
	}
	if keep, ok := c.numbers["keepdims"]; ok && keep == 0 {
		return t.as(without(a.Shape, kept, axes)), nil
	}
	return t, nil
}

// without is a shape without its axes.
func without(shape, kept, axes []int) []int {
	out := []int{}
	for i := range shape {
		if !slices.Contains(axes, i) && !slices.Contains(axes, i-len(shape)) {
			out = append(out, kept[i])
		}
	}
	return out
}

// addUp adds in 64 bits, so that the order matters less.
func addUp(t, a *Tensor, mean bool) {
	sums := make([]float64, t.len())
	to := stretched(t.Shape, a.Shape)
	width := max(1, a.len())
	if len(a.Shape) > 0 {
		width = a.Shape[len(a.Shape)-1]
	}
	step := end(to)
	rows(a.Shape, func(at int, starts []int) {
		j := starts[0]
		for _, x := range a.Floats[at : at+width] {
			sums[j] += float64(x)
			j += step
		}
	}, to)
	n := 1.0
	if mean && len(sums) > 0 {
		n = float64(a.len()) / float64(len(sums))
	}
	for i, s := range sums {
		t.Floats[i] = float32(s / n)
	}
}

// lastAxis is the length of the last axis, which an operator must be told to work on.
func (c *call) lastAxis(otherwise int64) (int, error) {
	a := c.in[0]
	at, ok := c.numbers["axis"]
	if !ok {
		at = otherwise
	}
	if a.kind != floats || len(a.Shape) == 0 || at != -1 && at != int64(len(a.Shape)-1) {
		return 0, errors.New("it works on another axis than the last")
	}
	return a.Shape[len(a.Shape)-1], nil
}

func softmax(c *call) (*Tensor, error) {
	otherwise := int64(-1)
	if c.opset < 13 {
		otherwise = 1
	}
	n, err := c.lastAxis(otherwise)
	if err != nil {
		return nil, err
	}
	t, err := made(floats, c.in[0].Shape)
	if err != nil {
		return nil, err
	}
	for at := 0; at < t.len(); at += n {
		in, out := c.in[0].Floats[at:at+n], t.Floats[at:at+n]
		most, sum := slices.Max(in), 0.0
		for i, x := range in {
			e := math.Exp(float64(x - most))
			out[i], sum = float32(e), sum+e
		}
		for i, x := range out {
			out[i] = float32(float64(x) / sum)
		}
	}
	return t, nil
}

// layerNormalization is LayerNormalization of opset 17, along the last axis.
func layerNormalization(c *call) (*Tensor, error) {
	n, err := c.lastAxis(-1)
	if err != nil {
		return nil, err
	}
	t, err := made(floats, c.in[0].Shape)
	if err != nil {
		return nil, err
	}
	scale, bias := c.in[1].Floats, make([]float32, n)
	if len(c.in) > 2 && c.in[2] != nil {
		bias = c.in[2].Floats
	}
	if len(scale) != n || len(bias) != n {
		return nil, errKinds
	}
	epsilon := float64(c.float("epsilon", 1e-5))
	for at := 0; at < t.len(); at += n {
		in, sum, square := c.in[0].Floats[at:at+n], 0.0, 0.0
		for _, x := range in {
			sum += float64(x)
		}
		mean := sum / float64(n)
		for _, x := range in {
			square += (float64(x) - mean) * (float64(x) - mean)
		}
		deviation := math.Sqrt(square/float64(n) + epsilon)
		for i, x := range in {
			t.Floats[at+i] = float32((float64(x)-mean)/deviation)*scale[i] + bias[i]
		}
	}
	return t, nil
}
