package rest_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"doorward/internal/docs/rest"
	"doorward/internal/gate"
	"doorward/internal/loopback"
)

// A service over http is on this machine, whatever localhost leads to: nothing is sent elsewhere.
func TestLocalhostThatIsAnotherMachine(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe() // its address is none of this machine's
	defer there.Close()
	sent := make(chan int, 1)
	go func() {
		n, _ := there.Read(make([]byte, 1)) // it ends with an error
		sent <- n
	}()
	c, err := rest.New("Qdrant", rest.Place{
		URL: "http://localhost:6333", Key: func() (gate.Secret, error) { return gate.NewSecret("sesame"), nil },
		Dial: func(context.Context, string, string) (net.Conn, error) { return here, nil },
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ask(t.Context(), rest.Call{Doing: "asking", Method: "GET"}, nil, nil); !errors.Is(err, loopback.ErrElsewhere) {
		t.Errorf("got %v", err)
	}
	if n := <-sent; n > 0 {
		t.Errorf("%d bytes were sent", n)
	}
}
