package graph

import (
	"errors"
	"fmt"
	"slices"
)

// Bounds of what a graph may make while it runs, in elements. A passage of 512 tokens takes
// a sixteenth of them in a model of 24 layers and 1024 dimensions.
const (
	maxRank     = 8
	maxConstant = 1 << 28 // of one tensor that is in the file
	maxElements = 1 << 24 // of one tensor that is made
	maxLive     = 1 << 26 // of all that are needed at a time, and of all that are made when it is read
	maxProducts = int64(1) << 36
)

// kind is what a tensor holds. 32-bit integers and truth values are kept as integers.
type kind uint8

const (
	floats kind = iota
	integers
	truths // 0 and 1
)

// String is the kind for errors.
func (k kind) String() string { return [...]string{"floats", "integers", "truth values"}[k] }

// Tensor is an array of numbers. It never changes once it was made.
type Tensor struct {
	Shape  []int
	Floats []float32
	whole  []int64
	kind   kind
}

// Integers makes a tensor of whole numbers, such as ids of tokens.
func Integers(shape []int, list []int64) *Tensor {
	return &Tensor{Shape: shape, whole: list, kind: integers}
}

var errTooLarge = errors.New("a tensor is larger than a graph may make")

// size is how many elements a shape has.
func size(shape []int) (int, error) {
	n := 1
	if len(shape) > maxRank {
		return 0, fmt.Errorf("a tensor has %d dimensions", len(shape))
	}
	for _, d := range shape {
		if d < 0 || d > maxConstant {
			return 0, errTooLarge
		}
		if n *= d; n > maxConstant {
			return 0, errTooLarge
		}
	}
	return n, nil
}

// made is an empty tensor.
func made(k kind, shape []int) (*Tensor, error) {
	n, err := size(shape)
	if err != nil {
		return nil, err
	}
	if n > maxElements {
		return nil, errTooLarge
	}
	return filled(k, shape, n), nil
}

// filled is a tensor of n zeros.
func filled(k kind, shape []int, n int) *Tensor {
	t := &Tensor{Shape: shape, kind: k}
	if k == floats {
		t.Floats = make([]float32, n)
	} else {
		t.whole = make([]int64, n)
	}
	return t
}

// len is how many elements it has.
func (t *Tensor) len() int { return max(len(t.Floats), len(t.whole)) }

// as is the same elements in another shape of as many.
func (t *Tensor) as(shape []int) *Tensor {
	return &Tensor{Shape: shape, Floats: t.Floats, whole: t.whole, kind: t.kind}
}

// list is what a tensor of integers holds, as numbers of Go that name places and lengths.
func (t *Tensor) list() ([]int, error) {
	if t.kind != integers || len(t.whole) > 1<<16 {
		return nil, errors.New("a short list of integers is needed")
	}
	list := make([]int, len(t.whole))
	for i, v := range t.whole {
		list[i] = int(max(min(v, maxConstant), -maxConstant)) // ends of slices are written as the largest there is
	}
	return list, nil
}

// axis is a dimension, counted from the end where it is negative.
func axis(a, rank int) (int, error) {
	if a < 0 {
		a += rank
	}
	if a < 0 || a >= rank {
		return 0, fmt.Errorf("there is no axis %d of %d", a, rank)
	}
	return a, nil
}

// steps are how far apart neighbours of each dimension stand.
func steps(shape []int) []int {
	s, n := make([]int, len(shape)), 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// broadcast is the shape that all fit into: a dimension of 1 is repeated (ONNX,
// "Multidirectional Broadcasting").
func broadcast(shapes ...[]int) ([]int, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := slices.Repeat([]int{1}, rank)
	for _, s := range shapes {
		for i, d := range s {
			at := rank - len(s) + i
			if out[at] != d && out[at] != 1 && d != 1 {
				return nil, fmt.Errorf("shapes %v do not fit", shapes)
			}
			if d != 1 {
				out[at] = d
			}
		}
	}
	return out, nil
}

// stretched are the steps of a tensor within a larger shape: 0 where it is repeated.
func stretched(from, to []int) []int {
	own, s := steps(from), make([]int, len(to))
	for i, d := range from {
		if d != 1 {
			s[len(to)-len(from)+i] = own[i]
		}
	}
	return s
}

// rows calls do for each row of a shape: where it starts in the whole, and in each of the
// tensors with these steps.
func rows(shape []int, do func(at int, starts []int), all ...[]int) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	if n == 0 {
		return
	}
	last := len(shape) - 1
	width := 1
	if last >= 0 {
		width = shape[last]
	}
	place, starts := make([]int, len(shape)), make([]int, len(all))
	for at := 0; at < n; at += width {
		do(at, starts)
		for d := last - 1; d >= 0; d-- {
			place[d]++
			for i, s := range all {
				starts[i] += s[d]
			}
			if place[d] < shape[d] {
				break
			}
			for i, s := range all {
				starts[i] -= s[d] * shape[d]
			}
			place[d] = 0
		}
	}
}

// end is the step within a row.
func end(steps []int) int {
	if len(steps) == 0 {
		return 0
	}
	return steps[len(steps)-1]
}
