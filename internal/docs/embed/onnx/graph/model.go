package graph

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Bounds of a model file.
const (
	maxNodes     = 20_000
	maxName      = 512
	maxInputs    = 64      // of a node
	maxConstants = 20_000  // in the file, and of a node
	maxList      = 1 << 22 // integers of a list; larger constants have their bytes
)

// Types of elements (TensorProto.DataType of onnx.proto).
const (
	typeFloat  = 1
	typeInt32  = 6
	typeInt64  = 7
	typeBool   = 9
	typeDouble = 11
)

// node is an operation as the file has it.
type node struct {
	op, domain      string
	inputs, outputs []string
	numbers         map[string]int64
	reals           map[string]float32
	lists           map[string][]int
	texts           map[string]string
	tensors         map[string]*Tensor
}

// model is what is read of a file (ModelProto of onnx.proto).
type model struct {
	opset     int64
	nodes     []*node
	constants map[string]*Tensor
	inputs    []string // that are no constants
	outputs   []string
}

var errCut = errors.New("the file is no ONNX model, or is cut off")

// fields calls do for each field of a message. Of a varint and of a fixed32 v is set, of
// bytes raw is.
func fields(b []byte, do func(f int, v uint64, raw []byte) error) error {
	for len(b) > 0 {
		f, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errCut
		}
		b = b[n:]
		var (
			v   uint64
			raw []byte
		)
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var w uint32
			w, n = protowire.ConsumeFixed32(b)
			v = uint64(w)
		case protowire.BytesType:
			raw, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(f, kind, b)
		}
		if n < 0 {
			return errCut
		}
		b = b[n:]
		if err := do(int(f), v, raw); err != nil {
			return err
		}
	}
	return nil
}

// readModel reads a file.
func readModel(b []byte) (*model, error) {
	m := &model{constants: map[string]*Tensor{}}
	var g []byte
	err := fields(b, func(f int, _ uint64, raw []byte) error {
		switch f {
		case 7:
			g = raw
		case 8:
			return m.readOpset(raw)
		case 25:
			return errors.New("the model has functions of its own, which are not read")
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case g == nil:
		return nil, errCut
	case m.opset < 11 || m.opset > 21:
		return nil, fmt.Errorf("the model is of opset %d; 11 to 21 are read", m.opset)
	}
	return m, m.readGraph(g)
}

func (m *model) readOpset(b []byte) error {
	var (
		domain  string
		version uint64
	)
	err := fields(b, func(f int, v uint64, raw []byte) error {
		switch f {
		case 1:
			domain = string(raw)
		case 2:
			version = v
		}
		return nil
	})
	if domain == "" || domain == "ai.onnx" {
		m.opset = int64(min(version, 1<<20))
	}
	return err
}

func (m *model) readGraph(b []byte) error {
	err := fields(b, func(f int, _ uint64, raw []byte) error {
		switch f {
		case 1:
			n, err := readNode(raw)
			if err != nil {
				return err
			}
			if m.nodes = append(m.nodes, n); len(m.nodes) > maxNodes {
				return fmt.Errorf("the model has more than %d nodes", maxNodes)
			}
		case 5:
			name, t, err := readTensor(raw)
			if err != nil {
				return fmt.Errorf("the constant %q: %w", name, err)
			}
			if m.constants[name] = t; len(m.constants) > maxConstants {
				return fmt.Errorf("the model has more than %d constants", maxConstants)
			}
		case 11, 12:
			name, err := readName(raw)
			if err != nil {
				return err
			}
			if f == 11 {
				m.inputs = append(m.inputs, name)
			} else {
				m.outputs = append(m.outputs, name)
			}
		case 15:
			return errors.New("the model has sparse constants, which are not read")
		}
		if max(len(m.inputs), len(m.outputs)) > maxInputs {
			return fmt.Errorf("the model has more than %d inputs or outputs", maxInputs)
		}
		return nil
	})
	all := m.inputs
	m.inputs = nil
	for _, name := range all {
		if m.constants[name] == nil {
			m.inputs = append(m.inputs, name)
		}
	}
	return err
}

// text is a name within bounds.
func text(raw []byte) (string, error) {
	if len(raw) > maxName {
		return "", fmt.Errorf("a name in the model is longer than %d bytes", maxName)
	}
	return string(raw), nil
}

func readName(b []byte) (name string, err error) {
	err = fields(b, func(f int, _ uint64, raw []byte) (err error) {
		if f == 1 {
			name, err = text(raw)
		}
		return err
	})
	return name, err
}

func readNode(b []byte) (*node, error) {
	n := &node{numbers: map[string]int64{}, reals: map[string]float32{}, lists: map[string][]int{}, texts: map[string]string{}, tensors: map[string]*Tensor{}}
	err := fields(b, func(f int, _ uint64, raw []byte) error {
		if f == 5 {
			return n.readAttribute(raw)
		}
		s, err := text(raw)
		if err != nil {
			return err
		}
		switch f {
		case 1:
			n.inputs = append(n.inputs, s)
		case 2:
			n.outputs = append(n.outputs, s)
		case 4:
			n.op = s
		case 7:
			n.domain = s
		}
		if max(len(n.inputs), len(n.outputs)) > maxInputs {
			return fmt.Errorf("a node of the model has more than %d inputs or outputs", maxInputs)
		}
		return nil
	})
	return n, err
}

// readAttribute reads an AttributeProto. A graph within one is of a loop or a branch.
func (n *node) readAttribute(b []byte) error {
	var (
		name string
		list []int
	)
	if err := fields(b, func(f int, _ uint64, raw []byte) (err error) {
		if f == 1 {
			name, err = text(raw)
		}
		return err
	}); err != nil {
		return err
	}
	err := fields(b, func(f int, v uint64, raw []byte) (err error) {
		switch f {
		case 2:
			n.reals[name] = math.Float32frombits(uint32(v)) //nolint:gosec // a fixed32
		case 3:
			n.numbers[name] = int64(v) //nolint:gosec // as protobuf writes int64
		case 4:
			n.texts[name], err = text(raw)
		case 5:
			_, n.tensors[name], err = readTensor(raw)
		case 6, 11:
			err = errors.New("the model has branches or loops, which are not run")
		case 8:
			list, err = appendInts(list, v, raw)
			n.lists[name] = list
		}
		return err
	})
	return err
}

var errList = fmt.Errorf("a list of the model has more than %d integers", maxList)

// appendInts reads repeated integers, packed or one by one.
func appendInts(list []int, v uint64, raw []byte) ([]int, error) {
	if raw == nil {
		if len(list) >= maxList {
			return nil, errList
		}
		return append(list, int(v)), nil //nolint:gosec // as protobuf writes int64
	}
	for len(raw) > 0 {
		w, n := protowire.ConsumeVarint(raw)
		if n < 0 {
			return nil, errCut
		}
		if len(list) >= maxList {
			return nil, errList
		}
		raw, list = raw[n:], append(list, int(w)) //nolint:gosec // as above
	}
	return list, nil
}

// readTensor reads a TensorProto whose numbers are in the file. Those that are in another
// are refused: a model could name any file of the machine.
func readTensor(b []byte) (name string, t *Tensor, err error) {
	var (
		shape, whole []int
		kind         uint64
		raw          []byte
		packed       []byte // float_data
	)
	err = fields(b, func(f int, v uint64, data []byte) (err error) {
		switch f {
		case 1:
			shape, err = appendInts(shape, v, data)
		case 2:
			kind = v
		case 4:
			if data == nil {
				data = binary.LittleEndian.AppendUint32(nil, uint32(v)) //nolint:gosec // a fixed32
			}
			packed = append(packed, data...)
		case 5, 7:
			whole, err = appendInts(whole, v, data)
		case 8:
			name, err = text(data)
		case 9:
			raw = data
			if raw == nil {
				raw = []byte{}
			}
		case 13, 14:
			if f == 13 || v != 0 {
				err = errors.New("its numbers are in another file: export the model as one file")
			}
		}
		return err
	})
	if err != nil {
		return name, nil, err
	}
	if raw == nil && kind == typeFloat {
		raw = packed
	}
	t, err = tensorOf(kind, shape, raw, whole)
	return name, t, err
}

// tensorOf makes a tensor of the bytes of its numbers, or of a list of integers.
func tensorOf(kind uint64, shape []int, raw []byte, list []int) (*Tensor, error) {
	k, width := integers, 8
	switch kind {
	case typeFloat:
		k, width = floats, 4
	case typeDouble:
		k = floats
	case typeInt32:
		width = 4
	case typeInt64:
	case typeBool:
		k, width = truths, 1
	default:
		return nil, fmt.Errorf("numbers of type %d are not read: export the model with 32-bit floats, and not quantised", kind)
	}
	n, err := size(shape)
	if err != nil {
		return nil, err
	}
	if raw == nil && k != floats {
		if len(list) != n {
			return nil, fmt.Errorf("there are %d numbers for the shape %v", len(list), shape)
		}
		t := &Tensor{Shape: shape, kind: k, whole: make([]int64, n)}
		for i, v := range list {
			t.whole[i] = int64(v)
		}
		return t, nil
	}
	if len(raw) != n*width { // which bounds what is made by what is there
		return nil, fmt.Errorf("there are %d bytes for the shape %v", len(raw), shape)
	}
	t := filled(k, shape, n)
	for i := range n {
		switch b := raw[i*width:]; kind {
		case typeFloat:
			t.Floats[i] = math.Float32frombits(binary.LittleEndian.Uint32(b))
		case typeDouble:
			t.Floats[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		case typeInt32:
			t.whole[i] = int64(int32(binary.LittleEndian.Uint32(b))) //nolint:gosec // two's complement
		case typeInt64:
			t.whole[i] = int64(binary.LittleEndian.Uint64(b)) //nolint:gosec // two's complement
		case typeBool:
			t.whole[i] = int64(min(b[0], 1))
		}
	}
	return t, nil
}
