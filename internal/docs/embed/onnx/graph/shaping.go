package graph

import (
	"errors"
	"fmt"
	"slices"
)

// shaping are the operators that move elements and look at shapes.
func shaping(name string) (operator, bool) {
	switch name {
	case "Constant":
		return operator{0, 0, constant}, true
	case "ConstantOfShape":
		return operator{1, 1, constantOfShape}, true
	case "Identity":
		return operator{1, 1, func(c *call) (*Tensor, error) { return c.in[0], nil }}, true
	case "Shape":
		return operator{1, 1, shapeOf}, true
	case "Reshape":
		return operator{2, 2, reshape}, true
	case "Unsqueeze":
		return operator{1, 2, unsqueeze}, true
	case "Squeeze":
		return operator{1, 2, squeeze}, true
	case "Transpose":
		return operator{1, 1, transpose}, true
	case "Concat":
		return operator{1, maxInputs, concat}, true
	case "Gather":
		return operator{2, 2, gather}, true
	case "Slice":
		return operator{3, 5, slice}, true
	case "Expand":
		return operator{2, 2, expand}, true
	case "Range":
		return operator{3, 3, span}, true
	}
	return operator{}, false
}

func constant(c *call) (*Tensor, error) {
	if t := c.tensors["value"]; t != nil {
		return t, nil
	}
	if v, ok := c.reals["value_float"]; ok {
		return &Tensor{Shape: []int{}, Floats: []float32{v}}, nil
	}
	if v, ok := c.numbers["value_int"]; ok {
		return Integers([]int{}, []int64{v}), nil
	}
	if list, ok := c.lists["value_ints"]; ok {
		return shapeTensor(list), nil
	}
	return nil, errors.New("its value is of a kind that is not read")
}

// shapeTensor is a list as a tensor.
func shapeTensor(list []int) *Tensor {
	whole := make([]int64, len(list))
	for i, v := range list {
		whole[i] = int64(v)
	}
	return Integers([]int{len(list)}, whole)
}

func constantOfShape(c *call) (*Tensor, error) {
	shape, err := c.in[0].list()
	if err != nil {
		return nil, err
	}
	v := c.tensors["value"]
	if v == nil {
		v = &Tensor{Floats: []float32{0}}
	}
	if v.len() != 1 {
		return nil, errors.New("its value is not one number")
	}
	t, err := made(v.kind, shape)
	if err != nil {
		return nil, err
	}
	if v.kind == floats && v.Floats[0] != 0 {
		for i := range t.Floats {
			t.Floats[i] = v.Floats[0]
		}
	}
	if v.kind != floats && v.whole[0] != 0 {
		for i := range t.whole {
			t.whole[i] = v.whole[0]
		}
	}
	return t, nil // memory is zero to begin with
}

func shapeOf(c *call) (*Tensor, error) {
	shape := c.in[0].Shape
	from, to := 0, len(shape)
	if v, ok := c.numbers["start"]; ok {
		from = within(int(v), len(shape))
	}
	if v, ok := c.numbers["end"]; ok {
		to = within(int(v), len(shape))
	}
	return shapeTensor(shape[from:max(from, to)]), nil
}

// within is a place in a list of n, counted from the end where it is negative.
func within(v, n int) int {
	if v < 0 {
		v += n
	}
	return max(0, min(v, n))
}

func reshape(c *call) (*Tensor, error) {
	a := c.in[0]
	list, err := c.in[1].list()
	if err != nil || len(list) > maxRank {
		return nil, errors.New("its shape is no list of integers, or too long")
	}
	open, known := -1, 1
	for i, d := range list {
		switch {
		case d == 0 && c.numbers["allowzero"] == 0:
			if i >= len(a.Shape) {
				return nil, errors.New("its shape takes a dimension that is not there")
			}
			list[i] = a.Shape[i]
		case d == -1 && open < 0:
			open = i
			continue
		case d < 0:
			return nil, fmt.Errorf("its shape is %v", list)
		}
		if known *= list[i]; known > maxElements {
			return nil, errTooLarge
		}
	}
	if open >= 0 {
		if known == 0 {
			return nil, errors.New("its shape leaves one dimension open, and another is 0")
		}
		list[open] = a.len() / known
		known *= list[open]
	}
	if known != a.len() {
		return nil, fmt.Errorf("%v does not become %v", a.Shape, list)
	}
	return a.as(list), nil
}

// axes are those of an operand (opset 13 and later) or of an attribute.
func (c *call) axes(operand int) ([]int, error) {
	if len(c.in) > operand && c.in[operand] != nil {
		return c.in[operand].list()
	}
	return slices.Clone(c.lists["axes"]), nil
}

func unsqueeze(c *call) (*Tensor, error) {
	axes, err := c.axes(1)
	if err != nil {
		return nil, err
	}
	rank := len(c.in[0].Shape) + len(axes)
	if rank > maxRank {
		return nil, errTooLarge
	}
	shape := make([]int, rank)
	for _, a := range axes {
		if a, err = axis(a, rank); err != nil {
			return nil, err
		}
		if shape[a] != 0 {
			return nil, errors.New("it adds one axis twice")
		}
		shape[a] = 1
	}
	rest := c.in[0].Shape
	for i, d := range shape {
		if d == 0 {
			shape[i], rest = rest[0], rest[1:]
		}
	}
	return c.in[0].as(shape), nil
}

func squeeze(c *call) (*Tensor, error) {
	axes, err := c.axes(1)
	if err != nil {
		return nil, err
	}
	away := map[int]bool{}
	for _, a := range axes {
		if a, err = axis(a, len(c.in[0].Shape)); err != nil {
			return nil, err
		}
		away[a] = true
	}
	shape := []int{}
	for i, d := range c.in[0].Shape {
		switch {
		case away[i] && d != 1:
			return nil, fmt.Errorf("it takes away an axis of %d", d)
		case away[i], len(axes) == 0 && d == 1:
		default:
			shape = append(shape, d)
		}
	}
	return c.in[0].as(shape), nil
}

func transpose(c *call) (*Tensor, error) {
	a, order := c.in[0], c.lists["perm"]
	rank := len(a.Shape)
	if order == nil {
		for i := range rank {
			order = append(order, rank-1-i)
		}
	}
	seen := map[int]bool{}
	for _, d := range order {
		if d < 0 || d >= rank || seen[d] {
			return nil, fmt.Errorf("its order is %v", order)
		}
		seen[d] = true
	}
	if len(order) != rank {
		return nil, fmt.Errorf("its order is %v", order)
	}
	shape, from, own := make([]int, rank), make([]int, rank), steps(a.Shape)
	for i, d := range order {
		shape[i], from[i] = a.Shape[d], own[d]
	}
	return pick(a, shape, from, 0)
}

// pick makes a tensor of elements that stand so far apart in another, from a start.
func pick(a *Tensor, shape, from []int, start int) (*Tensor, error) {
	t, err := made(a.kind, shape)
	if err != nil {
		return nil, err
	}
	if a.kind == floats {
		copyRows(t.Floats, a.Floats, shape, from, start)
	} else {
		copyRows(t.whole, a.whole, shape, from, start)
	}
	return t, nil
}

func copyRows[N float32 | int64](out, x []N, shape, from []int, start int) {
	width := len(out)
	if len(shape) > 0 {
		width = shape[len(shape)-1]
	}
	step := end(from)
	rows(shape, func(at int, starts []int) {
		i := start + starts[0]
		if step == 1 {
			copy(out[at:at+width], x[i:])
			return
		}
		for p := range width {
			out[at+p] = x[i+p*step]
		}
	}, from)
}

func concat(c *call) (*Tensor, error) {
	first := c.in[0]
	at, err := axis(int(c.numbers["axis"]), len(first.Shape))
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(first.Shape)
	shape[at] = 0
	for _, t := range c.in {
		if t == nil || t.kind != first.kind || len(t.Shape) != len(shape) {
			return nil, errKinds
		}
		for i, d := range t.Shape {
			if i != at && d != shape[i] {
				return nil, fmt.Errorf("%v and %v do not go together", first.Shape, t.Shape)
			}
		}
		shape[at] += t.Shape[at]
	}
	out, err := made(first.kind, shape)
	if err != nil {
		return nil, err
	}
	before, _ := size(shape[:at]) // smaller than the whole, or the whole has nothing
	after, _ := size(shape[at+1:])
	if out.len() == 0 {
		return out, nil
	}
	to := 0
	for i := range before {
		for _, t := range c.in {
			n := t.Shape[at] * after
			if t.kind == floats {
				copy(out.Floats[to:], t.Floats[i*n:(i+1)*n])
			} else {
				copy(out.whole[to:], t.whole[i*n:(i+1)*n])
			}
			to += n
		}
	}
	return out, nil
}

func gather(c *call) (*Tensor, error) {
	a, which := c.in[0], c.in[1]
	at, err := axis(int(c.numbers["axis"]), len(a.Shape))
	if err != nil {
		return nil, err
	}
	if which.kind != integers {
		return nil, errKinds
	}
	shape := slices.Concat(a.Shape[:at], which.Shape, a.Shape[at+1:])
	t, err := made(a.kind, shape)
	if err != nil || t.len() == 0 {
		return t, err
	}
	before, _ := size(a.Shape[:at]) // as in concat
	n, _ := size(a.Shape[at+1:])
	to := 0
	for i := range before {
		for _, v := range which.whole {
			if v < 0 {
				v += int64(a.Shape[at])
			}
			if v < 0 || v >= int64(a.Shape[at]) {
				return nil, fmt.Errorf("there is no element %d of %d", v, a.Shape[at])
			}
			from := (i*a.Shape[at] + int(v)) * n
			if a.kind == floats {
				copy(t.Floats[to:to+n], a.Floats[from:])
			} else {
				copy(t.whole[to:to+n], a.whole[from:])
			}
			to += n
		}
	}
	return t, nil
}

func slice(c *call) (*Tensor, error) {
	a := c.in[0]
	var lists [4][]int // starts, ends, axes, steps
	for i := range lists {
		if len(c.in) > i+1 && c.in[i+1] != nil {
			list, err := c.in[i+1].list()
			if err != nil {
				return nil, err
			}
			lists[i] = list
		}
	}
	starts, ends := lists[0], lists[1]
	for i := range starts {
		if len(c.in) < 4 || c.in[3] == nil {
			lists[2] = append(lists[2], i)
		}
		if len(c.in) < 5 || c.in[4] == nil {
			lists[3] = append(lists[3], 1)
		}
	}
	if len(ends) != len(starts) || len(lists[2]) != len(starts) || len(lists[3]) != len(starts) {
		return nil, errors.New("its starts, ends, axes and steps are not as many")
	}
	shape, from, start := slices.Clone(a.Shape), steps(a.Shape), 0
	cut := map[int]bool{}
	for i, s := range starts {
		at, err := axis(lists[2][i], len(a.Shape))
		switch {
		case err != nil:
			return nil, err
		case lists[3][i] < 1 || cut[at]:
			return nil, errors.New("it goes backwards, or cuts one axis twice")
		}
		cut[at] = true
		first, last := within(s, a.Shape[at]), within(ends[i], a.Shape[at])
		shape[at] = (max(0, last-first) + lists[3][i] - 1) / lists[3][i]
		start += first * from[at]
		from[at] *= lists[3][i]
	}
	return pick(a, shape, from, start)
}

func expand(c *call) (*Tensor, error) {
	list, err := c.in[1].list()
	if err != nil {
		return nil, err
	}
	if _, err = size(list); err != nil {
		return nil, err
	}
	shape, err := broadcast(c.in[0].Shape, list)
	if err != nil {
		return nil, err
	}
	return pick(c.in[0], shape, stretched(c.in[0].Shape, shape), 0)
}

// span is Range, of integers.
func span(c *call) (*Tensor, error) {
	var ends [3]int64
	for i, t := range c.in {
		if t.kind != integers || t.len() != 1 {
			return nil, errKinds
		}
		ends[i] = t.whole[0]
	}
	from, to, by := ends[0], ends[1], ends[2]
	if by < 1 || min(from, to) < -maxElements || max(from, to) > maxElements {
		return nil, errTooLarge
	}
	n := int64(0)
	if from < to {
		n = (to-from-1)/by + 1
	}
	t, err := made(integers, []int{int(n)})
	if err != nil {
		return nil, err
	}
	for i := range t.whole {
		t.whole[i] = from + int64(i)*by
	}
	return t, nil
}
