// Package onnxtest writes models in the ONNX format for tests, node by node, and a model
// of the BERT family with the nodes that PyTorch exports it with.
package onnxtest

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Types of elements.
const (
	Float = 1
	Int64 = 7
	Bool  = 9
)

// Model is a model that is being written. The zero value has nothing.
type Model struct {
	graph []byte
	names int
}

// message appends a field with a message or a text.
func message(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}

func number(b []byte, field protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v)) //nolint:gosec // as protobuf writes int64
}

// Tensor is a TensorProto: kind Float or Int64, the numbers as they are.
func Tensor[N float32 | int64](name string, shape []int, list ...N) []byte {
	var b, raw []byte
	for _, d := range shape {
		b = number(b, 1, int64(d))
	}
	kind := int64(Float)
	for _, v := range list {
		switch v := any(v).(type) {
		case float32:
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		case int64:
			kind, raw = Int64, binary.LittleEndian.AppendUint64(raw, uint64(v)) //nolint:gosec // two's complement
		}
	}
	b = number(b, 2, kind)
	return message(message(b, 8, []byte(name)), 9, raw)
}

// Attribute is an AttributeProto of an int, a float32, a string, []int or a tensor.
func Attribute(name string, value any) []byte {
	b := message(nil, 1, []byte(name))
	switch v := value.(type) {
	case int:
		b = number(number(b, 3, int64(v)), 20, 2)
	case float32:
		b = protowire.AppendFixed32(protowire.AppendTag(b, 2, protowire.Fixed32Type), math.Float32bits(v))
		b = number(b, 20, 1)
	case string:
		b = number(message(b, 4, []byte(v)), 20, 3)
	case []int:
		for _, x := range v {
			b = number(b, 8, int64(x))
		}
		b = number(b, 20, 7)
	case []byte:
		b = number(message(b, 5, v), 20, 4)
	default:
		panic(fmt.Sprintf("an attribute of %T", v))
	}
	return b
}

// Input names an input of a kind; dimensions are free.
func (m *Model) Input(name string, kind, rank int) { m.value(11, name, kind, rank) }

// Output names an output.
func (m *Model) Output(name string, kind, rank int) { m.value(12, name, kind, rank) }

func (m *Model) value(field protowire.Number, name string, kind, rank int) {
	var shape []byte
	for i := range rank {
		shape = message(shape, 1, message(nil, 2, fmt.Appendf(nil, "%s_%d", name, i)))
	}
	m.graph = message(m.graph, field, message(message(nil, 1, []byte(name)), 2, message(nil, 1, message(number(nil, 1, int64(kind)), 2, shape))))
}

// Constant adds an initialiser and returns its name.
func (m *Model) Constant(tensor []byte, name string) string {
	m.graph = message(m.graph, 5, tensor)
	return name
}

// Floats adds an initialiser of floats.
func (m *Model) Floats(shape []int, list ...float32) string {
	name := m.name("weight")
	return m.Constant(Tensor(name, shape, list...), name)
}

// Ints adds an initialiser of integers: a list, or one number where shape is empty.
func (m *Model) Ints(shape []int, list ...int64) string {
	name := m.name("ints")
	return m.Constant(Tensor(name, shape, list...), name)
}

func (m *Model) name(of string) string {
	m.names++
	return fmt.Sprintf("%s_%d", of, m.names)
}

// Node adds a node and returns the name of what it makes.
func (m *Model) Node(op string, inputs []string, attributes ...[]byte) string {
	return m.Named(m.name(op), op, inputs, attributes...)
}

// Named adds a node that makes a value of this name.
func (m *Model) Named(output, op string, inputs []string, attributes ...[]byte) string {
	var b []byte
	for _, name := range inputs {
		b = message(b, 1, []byte(name))
	}
	b = message(b, 2, []byte(output))
	b = message(message(b, 3, []byte("/"+output)), 4, []byte(op))
	for _, a := range attributes {
		b = message(b, 5, a)
	}
	m.graph = message(m.graph, 1, b)
	return output
}

// Bytes is the file, of an opset.
func (m *Model) Bytes(opset int) []byte {
	b := number(nil, 1, 8)
	b = message(b, 7, message(m.graph, 2, []byte("main")))
	return message(b, 8, number(message(nil, 1, nil), 2, int64(opset)))
}
