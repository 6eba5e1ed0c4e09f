"""Tables of facts that others publish: yearly grid intensities, full power of CPUs, country codes.

`exporter/tools/tables.py` makes them from the packages codecarbon and pycountry, which are not needed at run time: what
they bring along (pandas, numpy) is seven times as large as the exporter. Sources and licences:

- `private_infra/global_energy_mix.json`: Our World in Data, CC BY 4.0, as codecarbon ships it.
- `private_infra/nordic_emissions.json`, `private_infra/2023/`: computed or collected by codecarbon (MIT, the
  contributors of codecarbon) from ENTSO-E, EPA eGRID (public domain), China's Ministry of Ecology and Environment, and
  provincial statistics of Canada.
- `hardware/cpu_power.csv`: thermal design power by model name, collected by codecarbon (MIT).
- `countries.json`: two-letter and three-letter codes of ISO 3166-1.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
