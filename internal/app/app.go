package app

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
)

// Config of one stream.
type Config struct {
	// Engine is what the engine needs beside the parts that New adds: Tweets, Delivery and Store, and of Core what follows
	// from them (State, Past, Started, Offline, Acknowledged, Feedback). Its Listener hears the notes of all parts, from
	// several goroutines.
	Engine engine.Config

	Schema *encode.Schema // of Tweets as lines
	Output Output         // how Tweets leave

	Dir        string               // of the state and the spool; empty: neither is kept
	SpoolLimit int64                // bytes of the spool; 0: there is none, unless an earlier process left Tweets in it
	Moment     func() ledger.Moment // now, as the ledger stores it; nil: by the wall clock alone

	MaxUndelivered int  // Tweets in memory at most; 0: MaxUndelivered
	MaxBytes       int  // bytes of them at most; 0: MaxBytes of so many Tweets
	Feedback       bool // Telegraf's reports come, by Engine.Report; without effect where outputs acknowledge Tweets

	// Kept hears of the state and of the spool (nil: none) when they are open, and returns what the engine is to use as its
	// store. Tests take both away from a process that is killed. Nil: the engine uses the state as it is.
	Kept func(*store.Store, *spool.Spool) engine.Store
}

// MaxUndelivered is how many Tweets memory holds where nobody says otherwise.
const MaxUndelivered = 5000

const (
	// tweetBytes is what each Tweet may take in memory, on average: raw ones, which are the longest, take 5 to 7 KB.
	tweetBytes = 8 << 10
	// minBytes lets a few of the longest wait where few Tweets may.
	minBytes = 8 << 20
)

// MaxBytes bounds in bytes what tweets bounds in Tweets.
func MaxBytes(tweets int) int { return max(minBytes, tweets*tweetBytes) }

// Stream is one stream, from New to Close.
type Stream struct {
	Engine   *engine.Engine
	Delivery *delivery.Delivery // nil where Output is Recovered

	label string
	hear  func(core.Note) // nil: nobody listens
	state *store.Store    // nil: none is kept
	spool *spool.Spool    // nil: there is none
	late  LateCourier     // nil: the courier's last word is that of its Deliver
}

// New opens what an earlier process left in Dir, and puts the stream together. Nothing runs before Run. After an error
// nothing is open, and what is in Dir was left as it is.
func New(cfg Config) (*Stream, error) {
	s := &Stream{label: cfg.Engine.Core.StreamLabel, hear: cfg.Engine.Listener.Note}
	entries, err := s.open(&cfg)
	if err != nil {
		s.Close()
		return nil, err
	}
	s.connect(&cfg, entries)
	s.Engine = engine.New(cfg.Engine)
	return s, nil
}

// connect leads the engine to the output, through a delivery that begins with the spool's entries.
func (s *Stream) connect(cfg *Config, entries []spool.Entry) {
	e := &cfg.Engine
	if r, ok := cfg.Output.(Recovered); ok {
		e.Tweets, e.Core.Offline = encode.NewLines(cfg.Schema, r.Writer), true
		return
	}
	d := delivery.Config{Schema: cfg.Schema, Memory: cmp.Or(cfg.MaxUndelivered, MaxUndelivered), Spool: s.spool, Past: entries, Say: s.say}
	d.Bytes = cmp.Or(cfg.MaxBytes, MaxBytes(d.Memory))
	cfg.Output.Fill(&d)
	d.Confirmed = cfg.Feedback && !d.Acknowledged
	s.Delivery = delivery.New(d)
	if late, ok := d.Courier.(LateCourier); ok {
		s.late = late
		late.TellLate(s.delivered)
	}
	e.Tweets, e.Delivery = s.Delivery, s.Delivery
	e.Core.Acknowledged, e.Core.Feedback = d.Acknowledged, d.Confirmed
	if d.Acknowledged {
		e.Drained = nil // what is not acknowledged is in the spool
	}
}

// Run works until ctx is done and all is drained, see engine.Engine.Run, and returns when nothing of the stream runs any
// more.
func (s *Stream) Run(ctx context.Context) error {
	delivering, stop := context.WithCancel(context.Background())
	defer stop()
	var wg sync.WaitGroup
	if s.Delivery != nil {
		wg.Go(func() { s.Delivery.Run(delivering) })
	}
	err := s.Engine.Run(ctx)
	stop()
	wg.Wait()
	s.Engine.Wait() // who is left behind uses the state: it is not closed under him
	return err
}

// delivered takes a batch out of the spool of which the courier heard after the end that the outputs have it. The next
// process sees by that that it was delivered.
func (s *Stream) delivered(b *delivery.Batch) {
	if _, err := s.Delivery.Late(b); err != nil {
		s.note(core.Warn, "%d Tweets were delivered and will be sent again: %v", len(b.Tweets), err)
	}
}

func (s *Stream) say(level byte, text string) {
	if s.hear != nil {
		s.hear(core.Note{Level: core.Level(level), Text: text})
	}
}

func (s *Stream) note(level core.Level, format string, values ...any) {
	s.say(byte(level), fmt.Sprintf("Stream %s: "+format, append([]any{s.label}, values...)...))
}

// moment is now by the wall clock.
func moment() ledger.Moment { return ledger.Moment{Wall: time.Now().UnixNano()} }
