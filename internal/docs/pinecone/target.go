package pinecone

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"doorward/internal/docs/rest"
	"doorward/internal/loopback"
)

// Place is where Pinecone's control plane answers, and how it and the index are reached.
type Place = rest.Place

// version of the API, which each request names: the one that describes an index by dimension,
// metric and host.
const version = "2025-10"

// ControlPlane is Pinecone's own.
const ControlPlane = "https://api.pinecone.io"

// target is an index as its service describes it.
type target struct {
	host      string
	data      *rest.Client
	dimension int
	words     bool // it takes sparse vectors, too
	described time.Time
}

// describedFor is how long a description is good for those who read: an index is made anew
// seldom, and at another host. Who writes asks.
const describedFor = time.Minute

// describe asks what the index is, and where. A host that was asked before is asked with the
// same connections.
func (x *Index) describe(ctx context.Context) (*target, error) {
	var about struct {
		Dimension int    `json:"dimension"`
		Metric    string `json:"metric"`
		Host      string `json:"host"`
		Type      string `json:"vector_type"`
		Spec      struct {
			Serverless *struct{} `json:"serverless"`
		} `json:"spec"`
		Status struct {
			Ready bool `json:"ready"`
		} `json:"status"`
	}
	_, err := x.control.Ask(ctx, rest.Call{Doing: "describing the index", Method: http.MethodGet, Path: []string{"indexes", x.name}}, nil, &about)
	switch {
	case errors.Is(err, rest.ErrAbsent):
		return nil, fmt.Errorf("pinecone: there is no index %s: make a serverless one of dense vectors, with the embedder's dimensions and the metric cosine or dotproduct", x.name)
	case err != nil:
		return nil, err
	case about.Spec.Serverless == nil:
		return nil, fmt.Errorf("pinecone: the index %s is not serverless: one of pods can neither list its records nor say when what was written can be found", x.name)
	case about.Type != "" && about.Type != "dense" || about.Metric != "cosine" && about.Metric != "dotproduct":
		return nil, fmt.Errorf("pinecone: the index %s must be of dense vectors, with the metric cosine or dotproduct", x.name)
	case !about.Status.Ready:
		return nil, fmt.Errorf("pinecone: the index %s is not ready yet", x.name)
	case about.Dimension < 1:
		return nil, fmt.Errorf("pinecone: the index %s does not say its dimensions", x.name)
	}
	t := &target{host: about.Host, dimension: about.Dimension, words: about.Metric == "dotproduct", described: time.Now()}
	if before := x.known.Load(); before != nil && before.host == t.host {
		t.data = before.data
	} else if t.data, err = x.at(about.Host); err != nil {
		return nil, err
	}
	x.known.Store(t)
	return t, nil
}

// now is the index as it was described not long ago.
func (x *Index) now(ctx context.Context) (*target, error) {
	if t := x.known.Load(); t != nil && time.Since(t.described) < describedFor {
		return t, nil
	}
	return x.describe(ctx)
}

var errHost = errors.New("pinecone: the index is said to be at a host where its key is not sent: it must be one of the control plane's own domain, over https")

// at is what asks the index itself. Its host comes from the control plane, and gets the key:
// it is on this machine where the control plane is, and at Pinecone where that is.
func (x *Index) at(host string) (*rest.Client, error) {
	if strings.ContainsAny(host, "/?#@\\") {
		return nil, errHost
	}
	control, err := url.Parse(x.place.URL)
	if err != nil {
		return nil, errHost
	}
	u, err := url.Parse(control.Scheme + "://" + host)
	if err != nil {
		return nil, errHost
	}
	_, domain, _ := strings.Cut(control.Hostname(), ".")
	same := u.Hostname() == control.Hostname() || domain != "" && strings.HasSuffix(u.Hostname(), "."+domain)
	if loopback.Host(control.Hostname()) {
		same = loopback.Host(u.Hostname())
	}
	if !same {
		return nil, errHost
	}
	place := x.place
	place.URL = u.String()
	return newClient(place)
}

func newClient(s Place) (*rest.Client, error) {
	return rest.New("Pinecone", s, map[string]string{"X-Pinecone-Api-Version": version})
}
