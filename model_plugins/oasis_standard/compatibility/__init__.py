"""What existing models' Python imports from the reference toolkit, where that toolkit is not installed.

Only the names that lookups and pre-analysis modules are documented to use; everything here is written for this
package from their documentation. Where ``oasislmf`` is installed, its own classes serve.
"""

from model_plugins.oasis_standard.compatibility.loading import load_module, module_file, vendor_imports

__all__ = ["load_module", "module_file", "vendor_imports"]
