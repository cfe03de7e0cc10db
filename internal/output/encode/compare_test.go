package encode

import (
	"testing"

	"github.com/influxdata/telegraf/metric"
	serializer "github.com/influxdata/telegraf/plugins/serializers/influx"
)

// BenchmarkTelegrafMetric is the road that the own append replaces.
func BenchmarkTelegrafMetric(b *testing.B) {
	s, tw := schema(b, Keep, nil, nil), fullTweet()
	tw.Text, tw.HasPoint = benchText, false
	ser := &serializer.Serializer{}
	if err := ser.Init(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		m := metric.New(Measurement, nil, nil, tw.ID.Time())
		s.EachTag(tw, m.AddTag)
		s.EachField(tw, m.AddField)
		if _, err := ser.Serialize(m); err != nil {
			b.Fatal(err)
		}
	}
}
