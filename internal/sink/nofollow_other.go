//go:build !unix

package sink

const noFollow = 0
