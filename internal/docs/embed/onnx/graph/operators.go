package graph

import (
	"errors"
	"math"
)

// operatorOf is the operator of a name, as ONNX defines it for opsets 11 to 21.
func operatorOf(name string) (operator, bool) {
	for _, table := range []func(string) (operator, bool){arithmetic, shaping, summing} {
		if op, ok := table(name); ok {
			return op, true
		}
	}
	return operator{}, false
}

// arithmetic are the operators that work on each element by itself.
func arithmetic(name string) (operator, bool) {
	switch name {
	case "Add":
		return pairwise(func(x, y float32) float32 { return x + y }, func(x, y int64) int64 { return x + y }), true
	case "Sub":
		return pairwise(func(x, y float32) float32 { return x - y }, func(x, y int64) int64 { return x - y }), true
	case "Mul":
		return pairwise(func(x, y float32) float32 { return x * y }, func(x, y int64) int64 { return x * y }), true
	case "Div":
		return pairwise(func(x, y float32) float32 { return x / y }, divide), true
	case "Min":
		return pairwise(func(x, y float32) float32 { return min(x, y) }, func(x, y int64) int64 { return min(x, y) }), true
	case "Max":
		return pairwise(func(x, y float32) float32 { return max(x, y) }, func(x, y int64) int64 { return max(x, y) }), true
	case "Pow":
		return pairwise(power, nil), true
	case "And":
		return pairwise(nil, func(x, y int64) int64 { return x & y }), true
	case "Or":
		return pairwise(nil, func(x, y int64) int64 { return x | y }), true
	case "Equal":
		return compare(func(x, y float32) bool { return x == y }, func(x, y int64) bool { return x == y }), true
	case "Less":
		return compare(func(x, y float32) bool { return x < y }, func(x, y int64) bool { return x < y }), true
	case "LessOrEqual":
		return compare(func(x, y float32) bool { return x <= y }, func(x, y int64) bool { return x <= y }), true
	case "Greater":
		return compare(func(x, y float32) bool { return x > y }, func(x, y int64) bool { return x > y }), true
	case "GreaterOrEqual":
		return compare(func(x, y float32) bool { return x >= y }, func(x, y int64) bool { return x >= y }), true
	case "Where":
		return operator{3, 3, where}, true
	case "Cast":
		return operator{1, 1, cast}, true
	case "Not":
		return operator{1, 1, not}, true
	case "Sqrt":
		return unary(math.Sqrt), true
	case "Erf":
		return unary(math.Erf), true
	case "Tanh":
		return unary(math.Tanh), true
	case "Exp":
		return unary(math.Exp), true
	case "Abs":
		return unary(math.Abs), true
	case "Neg":
		return unary(func(x float64) float64 { return -x }), true
	case "Reciprocal":
		return unary(func(x float64) float64 { return 1 / x }), true
	case "Sigmoid":
		return unary(func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }), true
	case "Relu":
		return unary(func(x float64) float64 { return max(x, 0) }), true
	case "Gelu":
		return operator{1, 1, gelu}, true
	}
	return operator{}, false
}

var errKinds = errors.New("its operands are not of one kind, or not of one that it takes")

// divide is 0 where there is no quotient: lengths are divided, and a length of 0 is refused
// where it is used.
func divide(x, y int64) int64 {
	if y == 0 || y == -1 {
		return -x * (y * y)
	}
	return x / y
}

// power is mostly a square.
func power(x, y float32) float32 {
	if y == 2 {
		return x * x
	}
	return float32(math.Pow(float64(x), float64(y)))
}

// pairwise is an operator of two tensors that fit each other. One of the two functions may
// be missing.
func pairwise(float func(x, y float32) float32, whole func(x, y int64) int64) operator {
	return operator{2, 2, func(c *call) (*Tensor, error) {
		a, b := c.in[0], c.in[1]
		if a.kind != b.kind || a.kind == floats && float == nil || a.kind != floats && whole == nil {
			return nil, errKinds
		}
		if a.kind == floats {
			return both(a, b, floats, float)
		}
		return both(a, b, a.kind, whole)
	}}
}

// compare is an operator of two tensors that makes truth values.
func compare(float func(x, y float32) bool, whole func(x, y int64) bool) operator {
	return operator{2, 2, func(c *call) (*Tensor, error) {
		a, b := c.in[0], c.in[1]
		if a.kind != b.kind {
			return nil, errKinds
		}
		if a.kind == floats {
			return both(a, b, truths, func(x, y float32) int64 { return truth(float(x, y)) })
		}
		return both(a, b, truths, func(x, y int64) int64 { return truth(whole(x, y)) })
	}}
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// both applies a function to two tensors, element by element.
func both[N, M float32 | int64](a, b *Tensor, k kind, f func(x, y N) M) (*Tensor, error) {
	shape, err := broadcast(a.Shape, b.Shape)
	if err != nil {
		return nil, err
	}
	t, err := made(k, shape)
	if err != nil {
		return nil, err
	}
	x, y, out := elements[N](a), elements[N](b), elements[M](t)
	sa, sb := stretched(a.Shape, shape), stretched(b.Shape, shape)
	width := len(out)
	if len(shape) > 0 {
		width = shape[len(shape)-1]
	}
	da, db := end(sa), end(sb)
	rows(shape, func(at int, starts []int) {
		i, j := starts[0], starts[1]
		row := out[at : at+width]
		for p := range row {
			row[p] = f(x[i], y[j])
			i, j = i+da, j+db
		}
	}, sa, sb)
	return t, nil
}

// elements are those of a tensor, as what they are.
func elements[N float32 | int64](t *Tensor) []N {
	var list any = t.whole
	if t.kind == floats {
		list = t.Floats
	}
	out, _ := list.([]N)
	return out
}

// unary is an operator of each float by itself.
func unary(f func(float64) float64) operator {
	return operator{1, 1, func(c *call) (*Tensor, error) { return each(c.in[0], f) }}
}

func each(a *Tensor, f func(float64) float64) (*Tensor, error) {
	if a.kind != floats {
		return nil, errKinds
	}
	t, err := made(floats, a.Shape)
	if err != nil {
		return nil, err
	}
	for i, x := range a.Floats {
		t.Floats[i] = float32(f(float64(x)))
	}
	return t, nil
}

// gelu is Gelu of opset 20.
func gelu(c *call) (*Tensor, error) {
	if c.texts["approximate"] == "tanh" {
		return each(c.in[0], func(x float64) float64 {
			return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		})
	}
	return each(c.in[0], func(x float64) float64 { return 0.5 * x * (1 + math.Erf(x/math.Sqrt2)) })
}

func not(c *call) (*Tensor, error) {
	a := c.in[0]
	if a.kind != truths {
		return nil, errKinds
	}
	t, err := made(truths, a.Shape)
	if err != nil {
		return nil, err
	}
	for i, v := range a.whole {
		t.whole[i] = 1 - v
	}
	return t, nil
}

// cast makes floats of integers and truth values, and the other way round.
func cast(c *call) (*Tensor, error) {
	a, k := c.in[0], floats
	switch c.numbers["to"] {
	case typeFloat, typeDouble:
	case typeInt32, typeInt64:
		k = integers
	case typeBool:
		k = truths
	default:
		return nil, errors.New("it makes numbers that are not 32-bit floats or integers")
	}
	if a.kind == k || a.kind == truths && k == integers {
		return &Tensor{Shape: a.Shape, Floats: a.Floats, whole: a.whole, kind: k}, nil
	}
	t, err := made(k, a.Shape)
	if err != nil {
		return nil, err
	}
	for i := range t.len() {
		switch {
		case k == floats:
			t.Floats[i] = float32(a.whole[i])
		case k == truths && a.kind == floats:
			t.whole[i] = truth(a.Floats[i] != 0)
		case k == truths:
			t.whole[i] = truth(a.whole[i] != 0)
		default:
			t.whole[i] = int64(a.Floats[i])
		}
	}
	return t, nil
}

// where takes each element of one of two tensors.
func where(c *call) (*Tensor, error) {
	a, b := c.in[1], c.in[2]
	if c.in[0].kind != truths || a.kind != b.kind {
		return nil, errKinds
	}
	shape, err := broadcast(c.in[0].Shape, a.Shape, b.Shape)
	if err != nil {
		return nil, err
	}
	t, err := made(a.kind, shape)
	if err != nil {
		return nil, err
	}
	if a.kind == floats {
		choose[float32](c.in[0], a, b, t)
	} else {
		choose[int64](c.in[0], a, b, t)
	}
	return t, nil
}

func choose[N float32 | int64](which, a, b, t *Tensor) {
	x, y, out := elements[N](a), elements[N](b), elements[N](t)
	sw, sa, sb := stretched(which.Shape, t.Shape), stretched(a.Shape, t.Shape), stretched(b.Shape, t.Shape)
	width := len(out)
	if len(t.Shape) > 0 {
		width = t.Shape[len(t.Shape)-1]
	}
	dw, da, db := end(sw), end(sa), end(sb)
	rows(t.Shape, func(at int, starts []int) {
		for p := range width {
			if which.whole[starts[0]+p*dw] != 0 {
				out[at+p] = x[starts[1]+p*da]
			} else {
				out[at+p] = y[starts[2]+p*db]
			}
		}
	}, sw, sa, sb)
}
