"""XComs."""

from bide.authoring.xcom_backend import XCOM_RETURN_KEY as XCOM_RETURN_KEY
from bide.authoring.xcom_backend import BaseXCom as BaseXCom
from bide.authoring.xcom_backend import BaseXCom as XCom

__all__ = ("XCOM_RETURN_KEY", "BaseXCom", "XCom")
