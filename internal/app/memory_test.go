package app

import (
	"testing"

	"doorward/internal/ceiling"
	"doorward/internal/config"
)

func TestRES36_CeilingsFollowTheMemory(t *testing.T) {
	for _, tc := range []struct {
		name  string
		space int64
		set   config.Paces
		body  config.Size
		want  ceiling.Most
	}{
		{"128 MiB", 128 << 20, config.Paces{}, 4 << 20, ceiling.Most{Messages: 1024, Bytes: 16 << 20}},
		{"2 GiB", 2 << 30, config.Paces{}, 4 << 20, ceiling.Most{Messages: 16_384, Bytes: 256 << 20}},
		{"nearly none", 1 << 20, config.Paces{}, 4 << 20, ceiling.Most{Messages: 256, Bytes: 16 << 20}},
		{"1 TiB", 1 << 40, config.Paces{}, 4 << 20, ceiling.Most{Messages: 16_384, Bytes: 128 << 30}},
		{"large bodies", 128 << 20, config.Paces{}, 64 << 20, ceiling.Most{Messages: 1024, Bytes: 256 << 20}},
		{"written", 128 << 20, config.Paces{InFlight: 20, Memory: 17 << 20}, 4 << 20, ceiling.Most{Messages: 20, Bytes: 17 << 20}},
	} {
		if got := most(&config.Config{Limits: tc.set, Listen: config.Listen{MaxBody: tc.body}}, tc.space); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
	answers := config.Config{Listen: config.Listen{MaxBody: 4 << 20}, Upstreams: map[string]config.Upstream{"a": {Limits: config.Limits{Result: 16 << 20}}, "b": {}}}
	if got := most(&answers, 128<<20).Bytes; got != 40<<20 {
		t.Errorf("large answers: %d bytes", got)
	}
}

func TestRES34_ConnectionsFollowDescriptors(t *testing.T) {
	for descriptors, want := range map[int]int{0: 4096, 64: 16, 256: 96, 1024: 480, 1 << 20: 4096} {
		if got := connections(descriptors); got != want {
			t.Errorf("%d connections with %d descriptors, want %d", got, descriptors, want)
		}
	}
}
