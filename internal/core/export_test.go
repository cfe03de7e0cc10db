package core

import (
	"math/rand/v2"
	"testing"
	"time"
)

// PlayScript plays one file as TestScripts does, for tests beside the package.
func PlayScript(t *testing.T, path string) { playScript(t, path) }

// TellStory lets a random story happen, repeated by its seed, see TestRestartForgetsNothing. begins hears what the core of each
// process in it is given, stepped each step.
func TellStory(t *testing.T, seed uint64, begins func(Config), stepped func(time.Time, Event, *Ready)) {
	s := &script{t: t, begins: begins, stepped: stepped}
	s.beginStory(1+int(seed%2), int(seed/2%2))
	s.unfold(rand.New(rand.NewPCG(seed, 1))) // a story, repeated by its seed
}
