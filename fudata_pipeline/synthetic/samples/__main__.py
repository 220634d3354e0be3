"""Write the sample nights and their truth: ``python -m fudata_pipeline.synthetic.samples data/samples``."""

import sys
from pathlib import Path

from fudata_pipeline.synthetic.samples.write import write_samples

write_samples(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("data/samples"))
