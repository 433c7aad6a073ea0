package onnx_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"doorward/internal/docs/embed/onnx/graph"
	"doorward/internal/docs/embed/onnx/onnxtest"
)

// tiny is a model of random weights with the nodes of all-MiniLM-L6-v2.
func tiny() *onnxtest.BERT {
	return onnxtest.NewBERT(onnxtest.Size{Layers: 2, Hidden: 32, Heads: 4, Inner: 64, Words: 80, Positions: 64}, 7)
}

// states runs the model with loops over 64-bit floats: a second, plain way to the same
// numbers. All tokens are seen.
func states(b *onnxtest.BERT, ids []int64) [][]float64 {
	x := make([][]float64, len(ids))
	for t, id := range ids {
		x[t] = make([]float64, b.Hidden)
		for i := range x[t] {
			x[t][i] = float64(b.Word[int(id)*b.Hidden+i]) + float64(b.Position[t*b.Hidden+i]) + float64(b.Type[i])
		}
		normal(x[t], b.Norm, b.NormBias)
	}
	for l := range b.Layers {
		x = plainLayer(b, &b.Layers[l], x)
	}
	return x
}

func plainLayer(b *onnxtest.BERT, l *onnxtest.Layer, x [][]float64) [][]float64 {
	var q, k, v [][]float64
	for _, row := range x {
		q, k, v = append(q, times(row, l.Query, l.QueryBias)), append(k, times(row, l.Key, l.KeyBias)), append(v, times(row, l.Value, l.ValueBias))
	}
	out := make([][]float64, len(x))
	width := b.Hidden / b.Heads
	for t := range x {
		seen := make([]float64, b.Hidden)
		for h := range b.Heads {
			weights, sum := make([]float64, len(x)), 0.0
			for s := range x {
				dot := 0.0
				for i := h * width; i < (h+1)*width; i++ {
					dot += q[t][i] * k[s][i]
				}
				weights[s] = math.Exp(dot / math.Sqrt(float64(width)))
				sum += weights[s]
			}
			for s := range x {
				for i := h * width; i < (h+1)*width; i++ {
					seen[i] += weights[s] / sum * v[s][i]
				}
			}
		}
		y := times(seen, l.Out, l.OutBias)
		for i := range y {
			y[i] += x[t][i]
		}
		normal(y, l.Norm, l.NormBias)
		up := times(y, l.Up, l.UpBias)
		for i, u := range up {
			up[i] = u * 0.5 * (1 + math.Erf(u/math.Sqrt2))
		}
		out[t] = times(up, l.Down, l.DownBias)
		for i := range y {
			out[t][i] += y[i]
		}
		normal(out[t], l.Last, l.LastBias)
	}
	return out
}

func times(row []float64, weights, bias []float32) []float64 {
	out := make([]float64, len(bias))
	for j := range out {
		out[j] = float64(bias[j])
		for i, x := range row {
			out[j] += x * float64(weights[i*len(bias)+j])
		}
	}
	return out
}

func normal(x []float64, scale, bias []float32) {
	mean, square := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		square += (v - mean) * (v - mean) / float64(len(x))
	}
	for i, v := range x {
		x[i] = (v-mean)/math.Sqrt(square+onnxtest.Epsilon)*float64(scale[i]) + float64(bias[i])
	}
}

func inputs(ids, mask []int64) map[string]*graph.Tensor {
	shape := []int{1, len(ids)}
	return map[string]*graph.Tensor{"input_ids": graph.Integers(shape, ids), "attention_mask": graph.Integers(shape, mask), "token_type_ids": graph.Integers(shape, make([]int64, len(ids)))}
}

func ones(n int) []int64 {
	mask := make([]int64, n)
	for i := range mask {
		mask[i] = 1
	}
	return mask
}

// The numbers are those of the plain way, and a token that is masked changes none of them.
func TestGraphIsTheModel(t *testing.T) {
	b := tiny()
	g, err := graph.Read(b.Bytes(), "last_hidden_state")
	if err != nil {
		t.Fatal(err)
	}
	for _, ids := range [][]int64{{2, 3}, {2, 17, 42, 5, 79, 3}, {2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 3}} {
		want := states(b, ids)
		for _, padding := range []int{0, 3} {
			mask := append(ones(len(ids)), make([]int64, padding)...)
			out, err := g.Run(t.Context(), inputs(append(append([]int64{}, ids...), make([]int64, padding)...), mask))
			if err != nil {
				t.Fatal(err)
			}
			for i, row := range want {
				for j, w := range row {
					if got := float64(out.Floats[i*b.Hidden+j]); math.Abs(got-w) > 2e-5 {
						t.Fatalf("%d tokens and %d masked: token %d has %v at %d, want %v", len(ids), padding, i, got, j, w)
					}
				}
			}
		}
	}
}

// golden is what ONNX Runtime answered for the same file: see testdata/README.md.
type golden struct {
	Model  string      `json:"model"` // SHA-256 of the file
	IDs    []int64     `json:"ids"`
	States [][]float64 `json:"states"`
}

func TestGraphIsONNXRuntime(t *testing.T) {
	raw, err := os.ReadFile("testdata/onnxruntime.json")
	if err != nil {
		t.Fatal(err)
	}
	var want golden
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	file := tiny().Bytes()
	if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != want.Model {
		t.Fatalf("the model has the digest %x, and the numbers are of %s: make them again", sum, want.Model)
	}
	g, err := graph.Read(file, "last_hidden_state")
	if err != nil {
		t.Fatal(err)
	}
	out, err := g.Run(context.Background(), inputs(want.IDs, ones(len(want.IDs))))
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range want.States {
		for j, w := range row {
			if got := float64(out.Floats[i*len(row)+j]); math.Abs(got-w) > 2e-5 {
				t.Fatalf("token %d has %v at %d, and ONNX Runtime %v", i, got, j, w)
			}
		}
	}
}

// The size is that of all-MiniLM-L6-v2; the weights do not matter for the time.
func BenchmarkMiniLM(b *testing.B) {
	g, err := graph.Read(onnxtest.NewBERT(onnxtest.Size{Layers: 6, Hidden: 384, Heads: 12, Inner: 1536, Words: 30522, Positions: 512}, 7).Bytes(), "last_hidden_state")
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{12, 128, 256} {
		b.Run(fmt.Sprintf("%d tokens", n), func(b *testing.B) {
			ids := ones(n)
			for b.Loop() {
				if _, err := g.Run(b.Context(), inputs(ids, ids)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
