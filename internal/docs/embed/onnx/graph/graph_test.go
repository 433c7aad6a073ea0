package graph_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"doorward/internal/docs/embed/onnx/graph"
	"doorward/internal/docs/embed/onnx/onnxtest"
)

// floats is a constant of floats in a model, ints one of integers.
type (
	floats struct {
		shape []int
		list  []float32
	}
	ints struct {
		shape []int
		list  []int64
	}
)

func vector(list ...float32) floats { return floats{[]int{len(list)}, list} }
func list(v ...int64) ints          { return ints{[]int{len(v)}, v} }

// one writes a model of one node; x is the model's input, of integers, and "x as floats" the
// same as floats.
func one(op string, opset int, in []any, attributes ...[]byte) []byte {
	var m onnxtest.Model
	m.Input("x", onnxtest.Int64, 1)
	var names []string
	for _, v := range in {
		switch v := v.(type) {
		case floats:
			names = append(names, m.Floats(v.shape, v.list...))
		case ints:
			names = append(names, m.Ints(v.shape, v.list...))
		case string:
			if v == "x as floats" {
				v = m.Node("Cast", []string{"x"}, onnxtest.Attribute("to", onnxtest.Float))
			}
			if v == "x as truths" {
				v = m.Node("Cast", []string{"x"}, onnxtest.Attribute("to", onnxtest.Bool))
			}
			names = append(names, v)
		}
	}
	y := m.Node(op, names, attributes...)
	y = m.Node("Identity", []string{y})
	m.Named("y", "Cast", []string{y}, onnxtest.Attribute("to", onnxtest.Float))
	m.Output("y", onnxtest.Float, 1)
	return m.Bytes(opset)
}

func run(file []byte, x ...int64) (*graph.Tensor, error) {
	g, err := graph.Read(file, "y")
	if err != nil {
		return nil, err
	}
	return g.Run(context.Background(), map[string]*graph.Tensor{"x": graph.Integers([]int{len(x)}, x)})
}

func attribute(name string, v any) []byte { return onnxtest.Attribute(name, v) }

// What an operator makes of the input 3, -4, 2, by the definitions of ONNX.
func TestOperators(t *testing.T) {
	const x, f, b = "x", "x as floats", "x as truths"
	matrix := floats{[]int{2, 3}, []float32{1, 2, 3, 4, 5, 6}}
	inf := float32(math.Inf(1))
	for _, tc := range []struct {
		op         string
		in         []any
		attributes [][]byte
		shape      []int
		want       []float32
	}{
		{"Add", []any{f, vector(1)}, nil, []int{3}, []float32{4, -3, 3}},
		{"Add", []any{x, list(1, 2, 3)}, nil, []int{3}, []float32{4, -2, 5}},
		{"Add", []any{f, floats{[]int{2, 1}, []float32{10, 20}}}, nil, []int{2, 3}, []float32{13, 6, 12, 23, 16, 22}},
		{"Sub", []any{vector(1), f}, nil, []int{3}, []float32{-2, 5, -1}},
		{"Mul", []any{f, f}, nil, []int{3}, []float32{9, 16, 4}},
		{"Div", []any{f, vector(2)}, nil, []int{3}, []float32{1.5, -2, 1}},
		{"Div", []any{f, vector(0)}, nil, []int{3}, []float32{inf, -inf, inf}},
		{"Div", []any{x, list(2)}, nil, []int{3}, []float32{1, -2, 1}},
		{"Div", []any{x, list(0, -1, 1)}, nil, []int{3}, []float32{0, 4, 2}},
		{"Min", []any{x, list(2)}, nil, []int{3}, []float32{2, -4, 2}},
		{"Max", []any{f, vector(2)}, nil, []int{3}, []float32{3, 2, 2}},
		{"Pow", []any{f, vector(2)}, nil, []int{3}, []float32{9, 16, 4}},
		{"Pow", []any{f, vector(3)}, nil, []int{3}, []float32{27, -64, 8}},
		{"Equal", []any{x, list(2)}, nil, []int{3}, []float32{0, 0, 1}},
		{"Less", []any{f, vector(2)}, nil, []int{3}, []float32{0, 1, 0}},
		{"LessOrEqual", []any{x, list(2)}, nil, []int{3}, []float32{0, 1, 1}},
		{"Greater", []any{x, list(2)}, nil, []int{3}, []float32{1, 0, 0}},
		{"GreaterOrEqual", []any{f, vector(2)}, nil, []int{3}, []float32{1, 0, 1}},
		{"And", []any{b, b}, nil, []int{3}, []float32{1, 1, 1}},
		{"Not", []any{b}, nil, []int{3}, []float32{0, 0, 0}},
		{"Where", []any{b, f, vector(7)}, nil, []int{3}, []float32{3, -4, 2}},
		{"Where", []any{b, floats{[]int{2, 1}, []float32{5, 6}}, f}, nil, []int{2, 3}, []float32{5, 5, 5, 6, 6, 6}},
		{"Abs", []any{f}, nil, []int{3}, []float32{3, 4, 2}},
		{"Neg", []any{f}, nil, []int{3}, []float32{-3, 4, -2}},
		{"Relu", []any{f}, nil, []int{3}, []float32{3, 0, 2}},
		{"Reciprocal", []any{f}, nil, []int{3}, []float32{1. / 3, -0.25, 0.5}},
		{"Exp", []any{f}, nil, []int{3}, []float32{20.085537, 0.01831564, 7.389056}},
		{"Erf", []any{f}, nil, []int{3}, []float32{0.99997791, -0.99999998, 0.99532227}},
		{"Tanh", []any{f}, nil, []int{3}, []float32{0.99505475, -0.9993293, 0.9640276}},
		{"Sigmoid", []any{f}, nil, []int{3}, []float32{0.95257413, 0.01798621, 0.880797}},
		{"Gelu", []any{f}, nil, []int{3}, []float32{2.9959502, -0.00012668, 1.9544997}},
		{"Gelu", []any{f}, [][]byte{attribute("approximate", "tanh")}, []int{3}, []float32{2.9963627, -0.00007025, 1.9545977}},
		{"Sqrt", []any{"x as truths"}, nil, nil, nil}, // not of truth values
		{"Shape", []any{x}, nil, []int{1}, []float32{3}},
		{"ConstantOfShape", []any{x}, nil, nil, nil}, // of -4
		{"ConstantOfShape", []any{list(2, 1)}, [][]byte{attribute("value", onnxtest.Tensor("", []int{1}, float32(7)))}, []int{2, 1}, []float32{7, 7}},
		{"Constant", nil, [][]byte{attribute("value_float", float32(2))}, []int{}, []float32{2}},
		{"Constant", nil, [][]byte{attribute("value_ints", []int{4, 5})}, []int{2}, []float32{4, 5}},
		{"Reshape", []any{x, list(3, -1)}, nil, []int{3, 1}, []float32{3, -4, 2}},
		{"Reshape", []any{x, list(0, 1)}, nil, []int{3, 1}, []float32{3, -4, 2}},
		{"Reshape", []any{x, list(2, 2)}, nil, nil, nil},
		{"Reshape", []any{x, list(-1, -1)}, nil, nil, nil},
		{"Reshape", []any{x, list(1<<40, 1<<40)}, nil, nil, nil},
		{"Unsqueeze", []any{x, list(0, -1)}, nil, []int{1, 3, 1}, []float32{3, -4, 2}},
		{"Unsqueeze", []any{x, list(0, 0)}, nil, nil, nil},
		{"Squeeze", []any{floats{[]int{1, 2, 1}, []float32{1, 2}}}, nil, []int{2}, []float32{1, 2}},
		{"Squeeze", []any{floats{[]int{1, 2, 1}, []float32{1, 2}}, list(-1)}, nil, []int{1, 2}, []float32{1, 2}},
		{"Squeeze", []any{x, list(0)}, nil, nil, nil},
		{"Transpose", []any{matrix}, nil, []int{3, 2}, []float32{1, 4, 2, 5, 3, 6}},
		{"Transpose", []any{matrix}, [][]byte{attribute("perm", []int{0, 0})}, nil, nil},
		{"Concat", []any{x, list(7), x}, [][]byte{attribute("axis", 0)}, []int{7}, []float32{3, -4, 2, 7, 3, -4, 2}},
		{"Concat", []any{matrix, floats{[]int{2, 1}, []float32{8, 9}}}, [][]byte{attribute("axis", -1)}, []int{2, 4}, []float32{1, 2, 3, 8, 4, 5, 6, 9}},
		{"Concat", []any{matrix, vector(1)}, [][]byte{attribute("axis", 0)}, nil, nil},
		{"Gather", []any{matrix, list(1, -2)}, nil, []int{2, 3}, []float32{4, 5, 6, 1, 2, 3}},
		{"Gather", []any{matrix, ints{[]int{1, 1}, []int64{2}}}, [][]byte{attribute("axis", 1)}, []int{2, 1, 1}, []float32{3, 6}},
		{"Gather", []any{matrix, x}, nil, nil, nil},
		{"Slice", []any{x, list(1), list(math.MaxInt64)}, nil, []int{2}, []float32{-4, 2}},
		{"Slice", []any{x, list(-1), list(3), list(0), list(1)}, nil, []int{1}, []float32{2}},
		{"Slice", []any{matrix, list(0), list(3), list(1), list(2)}, nil, []int{2, 2}, []float32{1, 3, 4, 6}},
		{"Slice", []any{x, list(2), list(1)}, nil, []int{0}, []float32{}},
		{"Slice", []any{x, list(0), list(1), list(0), list(-1)}, nil, nil, nil},
		{"Slice", []any{x, list(0), list(1), list(1)}, nil, nil, nil},
		{"Expand", []any{x, list(2, 1)}, nil, []int{2, 3}, []float32{3, -4, 2, 3, -4, 2}},
		{"Expand", []any{x, list(1<<20, 1<<20)}, nil, nil, nil},
		{"Range", []any{ints{[]int{}, []int64{1}}, ints{[]int{}, []int64{6}}, ints{[]int{}, []int64{2}}}, nil, []int{3}, []float32{1, 3, 5}},
		{"Range", []any{ints{[]int{}, []int64{0}}, ints{[]int{}, []int64{1 << 60}}, ints{[]int{}, []int64{1}}}, nil, nil, nil},
		{"Range", []any{ints{[]int{}, []int64{-1 << 24}}, ints{[]int{}, []int64{1 << 24}}, ints{[]int{}, []int64{1}}}, nil, nil, nil},
		{"Range", []any{ints{[]int{}, []int64{1}}, ints{[]int{}, []int64{6}}, ints{[]int{}, []int64{math.MaxInt64}}}, nil, []int{1}, []float32{1}},
		{"Range", []any{ints{[]int{}, []int64{6}}, ints{[]int{}, []int64{math.MinInt64}}, ints{[]int{}, []int64{1}}}, nil, nil, nil},
		{"MatMul", []any{matrix, floats{[]int{3, 1}, []float32{1, 0, -1}}}, nil, []int{2, 1}, []float32{-2, -2}},
		{"MatMul", []any{floats{[]int{2, 1, 1, 2}, []float32{1, 2, 3, 4}}, floats{[]int{2, 2, 1}, []float32{1, 1, 1, -1}}}, nil, []int{2, 2, 1, 1}, []float32{3, -1, 7, -1}},
		{"MatMul", []any{matrix, matrix}, nil, nil, nil},
		{"Gemm", []any{matrix, matrix, vector(1, 2)}, [][]byte{attribute("transB", 1), attribute("alpha", float32(2)), attribute("beta", float32(10))}, []int{2, 2}, []float32{38, 84, 74, 174}},
		{"Gemm", []any{matrix, matrix}, [][]byte{attribute("transA", 1)}, []int{3, 3}, []float32{17, 22, 27, 22, 29, 36, 27, 36, 45}},
		{"ReduceMean", []any{matrix, list(-1)}, nil, []int{2, 1}, []float32{2, 5}},
		{"ReduceMean", []any{matrix}, [][]byte{attribute("axes", []int{0}), attribute("keepdims", 0)}, []int{3}, []float32{2.5, 3.5, 4.5}},
		{"ReduceSum", []any{matrix}, nil, []int{1, 1}, []float32{21}},
		{"ReduceSum", []any{x, list(0)}, nil, []int{1}, []float32{1}},
		{"Softmax", []any{floats{[]int{2, 2}, []float32{0, 0, 1000, 0}}}, [][]byte{attribute("axis", 1)}, []int{2, 2}, []float32{0.5, 0.5, 1, 0}},
		{"Softmax", []any{matrix}, [][]byte{attribute("axis", 0)}, nil, nil},
		{"LayerNormalization", []any{vector(1, 3), vector(2, 2), vector(0, 1)}, [][]byte{attribute("epsilon", float32(0))}, []int{2}, []float32{-2, 3}},
		{"LayerNormalization", []any{vector(1, 3), vector(2)}, nil, nil, nil},
		{"Cast", []any{f}, [][]byte{attribute("to", onnxtest.Int64)}, []int{3}, []float32{3, -4, 2}},
		{"Cast", []any{f}, [][]byte{attribute("to", 10)}, nil, nil}, // 16-bit floats
		{"Add", []any{x, vector(1)}, nil, nil, nil},
		{"Add", []any{x, list(1, 2)}, nil, nil, nil},
	} {
		out, err := run(one(tc.op, 18, tc.in, tc.attributes...), 3, -4, 2)
		if tc.want == nil {
			if err == nil || !strings.Contains(err.Error(), tc.op) {
				t.Errorf("%s of %v: %v", tc.op, tc.in, err)
			}
			continue
		}
		if err != nil || !slices.Equal(out.Shape, tc.shape) || !slices.EqualFunc(out.Floats, tc.want, near) {
			t.Errorf("%s of %v: %+v, %v; want %v %v", tc.op, tc.in, out, err, tc.shape, tc.want)
		}
	}
}

func near(x, y float32) bool {
	return x == y || math.Abs(float64(x-y)) <= 1e-6*max(1, math.Abs(float64(y)))
}

// What a model may not have, and what may not be made.
func TestModelsThatAreRefused(t *testing.T) {
	plain := func(change func(m *onnxtest.Model) string) []byte {
		var m onnxtest.Model
		m.Input("x", onnxtest.Int64, 1)
		m.Named("y", "Cast", []string{change(&m)}, attribute("to", onnxtest.Float))
		m.Output("y", onnxtest.Float, 1)
		return m.Bytes(17)
	}
	elsewhere := append(onnxtest.Tensor("w", []int{1}, float32(1)), 0x6a, 0x00) // external_data, with nothing in it
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"quantised", one("DynamicQuantizeLinear", 18, []any{"x as floats"}), "no such operator here (DynamicQuantizeLinear"},
		{"of an old opset", one("Abs", 10, []any{"x as floats"}), "opset 10"},
		{"of an opset to come", one("Abs", 22, []any{"x as floats"}), "opset 22"},
		{"nothing", nil, "no ONNX model"},
		{"text", []byte("version https://git-lfs.github.com/spec/v1\n"), "no ONNX model"},
		{"that has another output", func() []byte { var m onnxtest.Model; m.Output("z", 1, 1); return m.Bytes(17) }(), `has the outputs ["z"]`},
		{"that makes no output", func() []byte { var m onnxtest.Model; m.Output("y", 1, 1); return m.Bytes(17) }(), "nothing makes the output"},
		{"that is in a circle", plain(func(m *onnxtest.Model) string { return m.Named("a", "Add", []string{"a", "x"}) }), `nothing before it makes its input "a"`},
		{"that makes a value twice", plain(func(m *onnxtest.Model) string {
			m.Named("a", "Abs", []string{"x"})
			return m.Named("a", "Neg", []string{"x"})
		}), "was made before"},
		{"with too few operands", plain(func(m *onnxtest.Model) string { return m.Node("Add", []string{"x"}) }), "it has 1 inputs"},
		{"with an operand left out", plain(func(m *onnxtest.Model) string { return m.Node("Add", []string{"x", ""}) }), "input 1 is missing"},
		{"with numbers in another file", plain(func(m *onnxtest.Model) string { return m.Node("Add", []string{"x", m.Constant(elsewhere, "w")}) }), "in another file"},
		{"with half floats", plain(func(m *onnxtest.Model) string { return m.Constant([]byte{0x10, 10, 0x42, 1, 'w'}, "w") }), "numbers of type 10"},
		{"with fewer numbers than it says", plain(func(m *onnxtest.Model) string { return m.Floats([]int{1 << 20}, 1) }), "4 bytes for the shape"},
		{"with a shape that is none", plain(func(m *onnxtest.Model) string { return m.Floats([]int{-1}, 1) }), "larger than"},
		{"with a shape too large to multiply", plain(func(m *onnxtest.Model) string { return m.Floats([]int{1 << 28, 1 << 28, 1 << 28}, 1) }), "larger than"},
		{"with a branch", plain(func(m *onnxtest.Model) string { return m.Node("If", []string{"x"}, []byte{0x0a, 1, 'g', 0x32, 0}) }), "branches or loops"},
		{"with a large constant", plain(func(m *onnxtest.Model) string { return m.Node("ConstantOfShape", []string{m.Ints([]int{1}, 1<<25)}) }), "larger than"},
		{"with many constants", plain(func(m *onnxtest.Model) string {
			var all []string
			for range 5 {
				c := m.Node("ConstantOfShape", []string{m.Ints([]int{1}, 1<<24)})
				all = append(all, m.Node("Slice", []string{c, m.Ints([]int{1}, 0), m.Ints([]int{1}, 1)}))
			}
			return m.Node("Concat", all, attribute("axis", 0))
		}), "larger than"},
	} {
		if _, err := run(tc.file, 1); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("a model %s: %v", tc.name, err)
		}
	}
}

// What the output does not depend on may be anything.
func TestOnlyWhatIsNeeded(t *testing.T) {
	var m onnxtest.Model
	m.Input("x", onnxtest.Int64, 1)
	m.Named("z", "Unheard", []string{"x"})
	m.Named("y", "Cast", []string{"x"}, attribute("to", onnxtest.Float))
	m.Output("z", onnxtest.Float, 1)
	m.Output("y", onnxtest.Float, 1)
	out, err := run(m.Bytes(17), 5, 6)
	if err != nil || !slices.Equal(out.Floats, []float32{5, 6}) {
		t.Errorf("%v, %v", out, err)
	}
}

func TestRun(t *testing.T) {
	g, err := graph.Read(one("Abs", 17, []any{"x as floats"}), "none", "y")
	if err != nil || g.Output != "y" || !slices.Equal(g.Inputs, []string{"x"}) {
		t.Fatal(g, err)
	}
	if _, err := g.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), `wants the input "x"`) {
		t.Errorf("without its input: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Run(ctx, map[string]*graph.Tensor{"x": graph.Integers([]int{1}, []int64{1})}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A list in a file is bounded before anything is made of it.
func TestListsAreBounded(t *testing.T) {
	packed := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), make([]byte, 1<<22+1)) // dims
	constant := protowire.AppendBytes(protowire.AppendTag(nil, 5, protowire.BytesType), packed)
	file := protowire.AppendBytes(protowire.AppendTag(nil, 7, protowire.BytesType), constant)
	file = append(file, 0x42, 2, 0x10, 17) // opset
	if _, err := graph.Read(file, "y"); err == nil || !strings.Contains(err.Error(), "integers") {
		t.Errorf("a shape of millions of dimensions: %v", err)
	}
}

// A file that is not a model, or is one that lies, is an error and no more. What it makes is
// as long as its shape says.
func FuzzRead(f *testing.F) {
	f.Add(onnxtest.NewBERT(onnxtest.Size{Layers: 1, Hidden: 4, Heads: 2, Inner: 4, Words: 4, Positions: 4}, 1).Bytes())
	matrix := floats{[]int{2, 3}, []float32{1, 2, 3, 4, 5, 6}}
	for _, file := range [][]byte{
		one("MatMul", 17, []any{matrix, floats{[]int{3, 1}, []float32{1, 0, -1}}}), one("Slice", 17, []any{"x", list(1), list(math.MaxInt64)}), one("Concat", 17, []any{"x", "x"}),
		one("Gather", 17, []any{matrix, list(1, -2)}), one("Where", 17, []any{"x as truths", matrix, "x as floats"}), one("ReduceSum", 17, []any{"x", list(0)}), one("Softmax", 12, []any{"x as floats"}),
		one("Transpose", 17, []any{matrix}, attribute("perm", []int{1, 0})), one("Gemm", 17, []any{matrix, matrix, "x as floats"}, attribute("transB", 1)), one("Expand", 17, []any{"x", "x"}), one("Reshape", 17, []any{"x", "x"}),
		one("LayerNormalization", 17, []any{vector(1, 3), vector(2, 2)}), one("Unsqueeze", 17, []any{"x", list(0)}), one("Squeeze", 17, []any{"x"}), one("Range", 17, []any{list(0), list(3), list(1)}),
	} {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		g, err := graph.Read(file, "y", "last_hidden_state")
		if err != nil {
			return
		}
		inputs := map[string]*graph.Tensor{}
		for _, name := range g.Inputs {
			inputs[name] = graph.Integers([]int{1, 2}, []int64{1, 2})
		}
		out, err := g.Run(t.Context(), inputs)
		if err != nil {
			return
		}
		n := 1
		for _, d := range out.Shape {
			n *= d
		}
		if len(out.Floats) != 0 && len(out.Floats) != n {
			t.Errorf("%d numbers of the shape %v", len(out.Floats), out.Shape)
		}
	})
}
