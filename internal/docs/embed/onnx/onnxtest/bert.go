package onnxtest

import (
	"math"
	"math/rand/v2"
)

// Size is that of a model of the BERT family.
type Size struct{ Layers, Hidden, Heads, Inner, Words, Positions int }

// Layer are the weights of one layer: matrices by rows of what goes in.
type Layer struct {
	Query, Key, Value, Out, Up, Down                         []float32
	QueryBias, KeyBias, ValueBias, OutBias, UpBias, DownBias []float32
	Norm, NormBias, Last, LastBias                           []float32
}

// BERT are the weights of a model.
type BERT struct {
	Size
	Word, Position, Type []float32
	Norm, NormBias       []float32
	Layers               []Layer
	Pooler, PoolerBias   []float32
}

// Epsilon is that of all norms (layer_norm_eps of BERT).
const Epsilon = 1e-12

// NewBERT makes a model of random weights, always the same for a seed.
func NewBERT(s Size, seed uint64) *BERT {
	r := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // weights of a test, the same each time
	list := func(n int, scale float64) []float32 {
		w := make([]float32, n)
		for i := range w {
			w[i] = float32(r.NormFloat64() * scale)
		}
		return w
	}
	near := func(n int) []float32 { // around 1
		w := list(n, 0.1)
		for i := range w {
			w[i]++
		}
		return w
	}
	b := &BERT{Size: s, Word: list(s.Words*s.Hidden, 1), Position: list(s.Positions*s.Hidden, 0.3), Type: list(2*s.Hidden, 0.3), Norm: near(s.Hidden), NormBias: list(s.Hidden, 0.1)}
	square, out := s.Hidden*s.Hidden, 1/math.Sqrt(float64(s.Hidden))
	for range s.Layers {
		b.Layers = append(b.Layers, Layer{
			Query: list(square, 2*out), Key: list(square, 2*out), Value: list(square, out), Out: list(square, out),
			Up: list(s.Hidden*s.Inner, out), Down: list(s.Inner*s.Hidden, 1/math.Sqrt(float64(s.Inner))),
			QueryBias: list(s.Hidden, 0.1), KeyBias: list(s.Hidden, 0.1), ValueBias: list(s.Hidden, 0.1), OutBias: list(s.Hidden, 0.1),
			UpBias: list(s.Inner, 0.1), DownBias: list(s.Hidden, 0.1),
			Norm: near(s.Hidden), NormBias: list(s.Hidden, 0.1), Last: near(s.Hidden), LastBias: list(s.Hidden, 0.1),
		})
	}
	b.Pooler, b.PoolerBias = list(square, out), list(s.Hidden, 0.1)
	return b
}

// writer writes the nodes of a BERT.
type writer struct {
	Model
	*BERT
}

// Bytes is the model as PyTorch's exporter writes it for opset 14: layer norms and GELU
// in parts, shapes computed from shapes, and a pooler beside the states of the tokens.
func (b *BERT) Bytes() []byte {
	w := &writer{BERT: b}
	for _, name := range []string{"input_ids", "attention_mask", "token_type_ids"} {
		w.Input(name, Int64, 2)
	}
	x := w.embeddings()
	mask := w.mask()
	for i := range b.Layers {
		if i == len(b.Layers)-1 {
			x = w.layer(&b.Layers[i], x, mask, "last_hidden_state")
		} else {
			x = w.layer(&b.Layers[i], x, mask, "")
		}
	}
	w.Output("last_hidden_state", Float, 3)
	first := w.Node("Gather", []string{x, w.scalar(0)}, Attribute("axis", 1))
	pooled := w.Node("Gemm", []string{first, w.Floats([]int{b.Hidden, b.Hidden}, b.Pooler...), w.Floats([]int{b.Hidden}, b.PoolerBias...)},
		Attribute("alpha", float32(1)), Attribute("beta", float32(1)), Attribute("transB", 1))
	w.Named("pooler_output", "Tanh", []string{pooled})
	w.Output("pooler_output", Float, 2)
	return w.Model.Bytes(14)
}

// scalar is a Constant node, as the exporter writes small numbers.
func (w *writer) scalar(v int64) string {
	return w.Node("Constant", nil, Attribute("value", Tensor("", []int{}, v)))
}

func (w *writer) list(v ...int64) string {
	return w.Node("Constant", nil, Attribute("value", Tensor("", []int{len(v)}, v...)))
}

func (w *writer) real(v float32) string {
	return w.Node("Constant", nil, Attribute("value", Tensor("", []int{}, v)))
}

// dimension is one of a tensor, as a list of one.
func (w *writer) dimension(of string, at int64) string {
	d := w.Node("Gather", []string{w.Node("Shape", []string{of}), w.scalar(at)}, Attribute("axis", 0))
	return w.Node("Unsqueeze", []string{d, w.list(0)})
}

func (w *writer) embeddings() string {
	h := w.Hidden
	positions := make([]int64, w.Positions)
	for i := range positions {
		positions[i] = int64(i)
	}
	ids := w.Node("Slice", []string{w.Ints([]int{1, w.Positions}, positions...), w.list(0), w.dimension("input_ids", 1), w.list(1), w.list(1)})
	word := w.Node("Gather", []string{w.Floats([]int{w.Words, h}, w.Word...), "input_ids"})
	kind := w.Node("Gather", []string{w.Floats([]int{2, h}, w.Type...), "token_type_ids"})
	place := w.Node("Gather", []string{w.Floats([]int{w.Positions, h}, w.Position...), ids})
	x := w.Node("Add", []string{w.Node("Add", []string{word, kind}), place})
	return w.norm(x, w.Norm, w.NormBias, "")
}

// mask is 0 where there is a token and next to minus infinity elsewhere.
func (w *writer) mask() string {
	m := w.Node("Unsqueeze", []string{w.Node("Unsqueeze", []string{"attention_mask", w.list(1)}), w.list(2)})
	m = w.Node("Cast", []string{m}, Attribute("to", Float))
	return w.Node("Mul", []string{w.Node("Sub", []string{w.real(1), m}), w.real(-math.MaxFloat32)})
}

func (w *writer) norm(x string, scale, bias []float32, name string) string {
	last := Attribute("axes", []int{-1})
	d := w.Node("Sub", []string{x, w.Node("ReduceMean", []string{x}, last)})
	v := w.Node("ReduceMean", []string{w.Node("Pow", []string{d, w.real(2)})}, last)
	s := w.Node("Sqrt", []string{w.Node("Add", []string{v, w.real(Epsilon)})})
	x = w.Node("Mul", []string{w.Node("Div", []string{d, s}), w.Floats([]int{w.Hidden}, scale...)})
	if name == "" {
		return w.Node("Add", []string{x, w.Floats([]int{w.Hidden}, bias...)})
	}
	return w.Named(name, "Add", []string{x, w.Floats([]int{w.Hidden}, bias...)})
}

func (w *writer) linear(x string, in, out int, weights, bias []float32) string {
	return w.Node("Add", []string{w.Floats([]int{out}, bias...), w.Node("MatMul", []string{x, w.Floats([]int{in, out}, weights...)})})
}

// heads cuts the states of the tokens into heads.
func (w *writer) heads(x string, order []int) string {
	shape := w.Node("Concat", []string{w.dimension(x, 0), w.dimension(x, 1), w.list(int64(w.Heads)), w.list(int64(w.Hidden / w.Heads))}, Attribute("axis", 0))
	return w.Node("Transpose", []string{w.Node("Reshape", []string{x, shape})}, Attribute("perm", order))
}

func (w *writer) layer(l *Layer, x, mask, name string) string {
	h := w.Hidden
	q := w.heads(w.linear(x, h, h, l.Query, l.QueryBias), []int{0, 2, 1, 3})
	k := w.heads(w.linear(x, h, h, l.Key, l.KeyBias), []int{0, 2, 3, 1})
	v := w.heads(w.linear(x, h, h, l.Value, l.ValueBias), []int{0, 2, 1, 3})
	scores := w.Node("Div", []string{w.Node("MatMul", []string{q, k}), w.real(float32(math.Sqrt(float64(h / w.Heads))))})
	weights := w.Node("Softmax", []string{w.Node("Add", []string{scores, mask})}, Attribute("axis", -1))
	seen := w.Node("Transpose", []string{w.Node("MatMul", []string{weights, v})}, Attribute("perm", []int{0, 2, 1, 3}))
	seen = w.Node("Reshape", []string{seen, w.Node("Concat", []string{w.dimension(seen, 0), w.dimension(seen, 1), w.list(int64(h))}, Attribute("axis", 0))})
	x = w.norm(w.Node("Add", []string{w.linear(seen, h, h, l.Out, l.OutBias), x}), l.Norm, l.NormBias, "")
	up := w.linear(x, h, w.Inner, l.Up, l.UpBias)
	erf := w.Node("Add", []string{w.Node("Erf", []string{w.Node("Div", []string{up, w.real(math.Sqrt2)})}), w.real(1)})
	up = w.Node("Mul", []string{w.Node("Mul", []string{up, erf}), w.real(0.5)})
	return w.norm(w.Node("Add", []string{w.linear(up, w.Inner, h, l.Down, l.DownBias), x}), l.Last, l.LastBias, name)
}
