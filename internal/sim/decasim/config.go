package decasim

import (
	"cmp"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"time"
)

// BackfillMode says what a server does with backfillMinutes.
type BackfillMode int

const (
	BackfillServe  BackfillMode = iota // bought: served
	BackfillIgnore                     // not bought: delivery starts at the connect
	BackfillRefuse                     // not bought: 403
)

// PartitionMode says what a Recovery makes of the parameter partition; X's pages do not say.
type PartitionMode int

const (
	PartitionRequired PartitionMode = iota
	PartitionOptional               // without it: all partitions
	PartitionRefused                // always all partitions
)

// Stored is the gzip level that does not compress: for long stories in fake time.
const Stored = 100

// ServerConfig of a Server. Zero values are X's own, with exceptions that are named.
type ServerConfig struct {
	Source   world.Source // nil: a World of 400 Tweets per second
	Account  string       // "demo"
	Label    string       // "prod"
	Username string       // "demo"
	Password string       // "demo"
	Backfill BackfillMode // BackfillServe
	Faults   *FaultPlan   // nil: none
	Seed     uint64       // of disorder, batches and faults; not of the World

	AllowedConnections int           // over all partitions; 0: 4
	ExcessGrace        time.Duration // surplus connections are tolerated so long; 0: 1 s (X: about a minute)
	CutOldest          bool          // the oldest connection goes, not the newest: X's pages disagree
	ConnectLimit       int           // accepted or refused attempts with sound credentials per ConnectPeriod; 0: 10; negative: no limit
	ConnectPeriod      time.Duration // 60 s

	HeartbeatEvery time.Duration // of idleness; 10 s
	FlushMin       int           // records per flush, drawn anew for each; 10
	FlushMax       int           // 50
	FlushEvery     time.Duration // a record waits no longer than that for its flush; 50 ms
	Disorder       time.Duration // records of a connection overtake each other by up to this; 0: 100 ms; negative: none
	QueueLimit     int           // Tweets that wait for a slow reader before it is cut; 10 000
	Level          int           // of gzip; 0: 1 (ratio about 6.2; 6 gives 7.8 at twice the time; -2 is Huffman only; Stored)
	MemberPerFlush bool          // each flush is a gzip member of its own
	ChunkBytes     int           // longest HTTP chunk; 0: one per flush
	Tick           time.Duration // how often Tweets are handed out; 20 ms. Long stories in fake time want a second

	ReplayDelay        time.Duration // how old toDate must be, fromDate a minute more; 0: 30 min; negative: none
	ReplayHorizon      time.Duration // how old fromDate may be; 120 h
	ReplayLimit        int           // requests per ReplayPeriod; 0: 5; negative: no limit
	ReplayPeriod       time.Duration // 5 min
	ReplayCountRefused bool          // refused requests with sound credentials count against ReplayLimit too
	ReplayJobs         int           // Replays at once; 0: 1; negative: no limit
	ReplaySpeed        float64       // minutes of history per minute; 0: 0.9; negative: as fast as the client reads
	ReplayStatus       int           // what each Replay gets, such as 403 or 404 where it was not bought; 0: it is served

	RecoveryParameters [2]string     // of the time range; startTime, endTime
	RecoveryDelay      time.Duration // how old the end must be; none
	RecoveryHorizon    time.Duration // how old the start may be; 24 h
	RecoveryJobs       int           // Recoveries at once; 0: 2; negative: no limit
	RecoveryExcess     int           // what more of them get; 429
	RecoveryPartition  PartitionMode // PartitionRequired
	RecoveryRate       float64       // Tweets per second of one job; 0: 1000; negative: as fast as the client reads
	RecoveryStatus     int           // as ReplayStatus

	Refused func(status int, why string) // if set, hears of each refused request
}

func (c ServerConfig) withDefaults() ServerConfig {
	if c.Source == nil {
		c.Source = world.New(world.Config{Seed: c.Seed})
	}
	c.Account, c.Label = cmp.Or(c.Account, "demo"), cmp.Or(c.Label, "prod")
	c.Username, c.Password = cmp.Or(c.Username, "demo"), cmp.Or(c.Password, "demo")
	c.AllowedConnections = cmp.Or(c.AllowedConnections, 4)
	c.ExcessGrace = cmp.Or(c.ExcessGrace, time.Second)
	c.ConnectLimit, c.ConnectPeriod = cmp.Or(c.ConnectLimit, 10), cmp.Or(c.ConnectPeriod, time.Minute)
	c.HeartbeatEvery = cmp.Or(c.HeartbeatEvery, 10*time.Second)
	c.FlushMin, c.FlushMax = cmp.Or(c.FlushMin, 10), cmp.Or(c.FlushMax, 50)
	c.FlushMax = max(c.FlushMin, c.FlushMax)
	c.FlushEvery = cmp.Or(c.FlushEvery, 50*time.Millisecond)
	c.Disorder = max(0, cmp.Or(c.Disorder, 100*time.Millisecond))
	c.QueueLimit, c.Level = cmp.Or(c.QueueLimit, 10_000), cmp.Or(c.Level, 1)
	c.Tick = cmp.Or(c.Tick, 20*time.Millisecond)
	return c.withRequestDefaults()
}

func (c ServerConfig) withRequestDefaults() ServerConfig {
	c.ReplayDelay, c.ReplayHorizon = max(0, cmp.Or(c.ReplayDelay, 30*time.Minute)), cmp.Or(c.ReplayHorizon, 120*time.Hour)
	c.ReplayLimit, c.ReplayPeriod = cmp.Or(c.ReplayLimit, 5), cmp.Or(c.ReplayPeriod, 5*time.Minute)
	c.ReplayJobs, c.ReplaySpeed = cmp.Or(c.ReplayJobs, 1), cmp.Or(c.ReplaySpeed, 0.9)
	c.RecoveryParameters[0] = cmp.Or(c.RecoveryParameters[0], "startTime")
	c.RecoveryParameters[1] = cmp.Or(c.RecoveryParameters[1], "endTime")
	c.RecoveryHorizon, c.RecoveryJobs = cmp.Or(c.RecoveryHorizon, 24*time.Hour), cmp.Or(c.RecoveryJobs, 2)
	c.RecoveryExcess, c.RecoveryRate = cmp.Or(c.RecoveryExcess, 429), cmp.Or(c.RecoveryRate, 1000)
	return c
}
